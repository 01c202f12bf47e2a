# The gateway alone: one binary that needs libc and certificates, run without privileges.
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked --bin cedrat

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && install -d -o 65532 -g 65532 -m 0750 /var/lib/cedrat
COPY --from=build /src/target/release/cedrat /usr/bin/cedrat
COPY docker/cedrat.toml /etc/cedrat/cedrat.toml
USER 65532:65532
VOLUME /var/lib/cedrat
EXPOSE 2525 2526
# Asks /readyz on the admin port of docker/cedrat.toml.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["cedrat", "ready", "--admin", "127.0.0.1:9090"]
ENTRYPOINT ["/usr/bin/cedrat"]
CMD ["run", "--config", "/etc/cedrat/cedrat.toml"]
