# Run without privileges: the gateway, which needs libc and certificates, and the media worker, which needs libav and
# libheif (that for stills alone needs libheif). `--target gateway` leaves the worker out; media then pass as they are.
# The worker linked to Debian's libavcodec-extra is a work under GPL 3 or later; the gateway is not linked to it.
FROM rust:1.95-bookworm AS build-gateway
WORKDIR /src
COPY . .
RUN cargo build --release --locked --bin cedrat --features s3,openpgp

FROM build-gateway AS build-worker
RUN apt-get update \
    && apt-get install -y --no-install-recommends pkg-config libclang-dev libavcodec-dev libavformat-dev \
        libavutil-dev libavfilter-dev libswscale-dev libswresample-dev libavcodec-extra libheif-dev cmake nasm make
RUN cargo build --release --locked --package cedrat-worker

FROM debian:bookworm-slim AS gateway
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && install -d -o 65532 -g 65532 -m 0750 /var/lib/cedrat
COPY --from=build-gateway /src/target/release/cedrat /usr/bin/cedrat
COPY docker/cedrat.toml /etc/cedrat/cedrat.toml
USER 65532:65532
VOLUME /var/lib/cedrat
EXPOSE 2525 2526
# Asks /readyz on the admin port of docker/cedrat.toml.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["cedrat", "ready", "--admin", "127.0.0.1:9090"]
ENTRYPOINT ["/usr/bin/cedrat"]
CMD ["run", "--config", "/etc/cedrat/cedrat.toml"]

FROM gateway
USER root
RUN apt-get update \
    && apt-get install -y --no-install-recommends libavcodec-extra59 libavformat59 libavfilter8 libavutil57 \
        libswscale6 libswresample4 libheif1 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build-worker /src/target/release/cedrat-transcode /src/target/release/cedrat-transcode-still /usr/bin/
USER 65532:65532
