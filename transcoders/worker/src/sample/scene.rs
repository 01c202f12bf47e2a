//! A landscape at evening: sky and clouds, three ranges of hills, a lake that mirrors them, and the
//! grain of a sensor. Value noise throughout.

/// Draws it: `width` × `height` × RGB.
pub(super) fn draw(width: u32, height: u32) -> Vec<u8> {
    let mut pixels = Vec::with_capacity(width as usize * height as usize * 3);
    let shore = 0.68;
    let ridges: Vec<[f32; 3]> = (0..width)
        .map(|x| {
            let across = x as f32 / width as f32 * 4.0;
            let ridge = |range: f32, octaves: u32| fractal(across * (1.0 + range), range * 9.7, octaves);
            [0.34 + 0.18 * ridge(0.0, 5), 0.44 + 0.16 * ridge(1.0, 6), 0.56 + 0.12 * ridge(2.0, 7)]
        })
        .collect();
    for y in 0..height {
        for (x, ridge) in ridges.iter().enumerate() {
            let (across, down) = (x as f32 / width as f32, y as f32 / height as f32);
            let colour = if down < shore {
                land(across, down, ridge)
            } else {
                // The lake mirrors what is above it, broken by waves.
                let depth = (down - shore) / (1.0 - shore);
                let wave = noise(across * 60.0, depth * depth * 300.0) - 0.5;
                let above = shore - (down - shore) * 1.6 + wave * 0.03 * (0.2 + depth);
                let mirrored = land(across + wave * 0.01, above, ridge);
                mirrored.map(|channel| channel * (0.72 - 0.3 * depth) + 6.0)
            };
            let grain = (hash(x as i32, y as i32) - 0.5) * 9.0;
            pixels.extend(colour.map(|channel| (channel + grain).clamp(0.0, 255.0) as u8));
        }
    }
    pixels
}

/// What a camera sees of a picture `across` pixels wide that pans over it: `size` pixels from
/// `(left, top)`, with grain of its own in every picture.
pub(super) fn look(
    pixels: &[u8],
    across: usize,
    (left, top): (usize, usize),
    (width, height): (u32, u32),
    number: u32,
) -> Vec<u8> {
    let rows = pixels.chunks(across * 3).skip(top).take(height as usize);
    let mut seen = Vec::with_capacity(width as usize * height as usize * 3);
    for (y, row) in rows.enumerate() {
        for (x, channel) in row.iter().skip(left * 3).take(width as usize * 3).enumerate() {
            let grain = (hash((x / 3) as i32, (y as u32 ^ number << 12) as i32) * 7.0) as u8;
            seen.push(channel.saturating_add(grain).saturating_sub(3));
        }
    }
    seen
}

fn land(across: f32, down: f32, ridge: &[f32; 3]) -> [f32; 3] {
    const RANGES: [[f32; 3]; 3] = [[118.0, 112.0, 140.0], [70.0, 84.0, 92.0], [44.0, 58.0, 34.0]];
    for (range, (top, colour)) in ridge.iter().zip(RANGES).enumerate().rev() {
        if down > *top {
            let detail = 24.0 * (range as f32 + 1.0);
            let texture = fractal(across * detail, down * detail * 2.0, 3 + range as u32);
            let light = 0.7 + 0.6 * texture - 0.4 * (down - top);
            return colour.map(|channel| channel * light);
        }
    }
    sky(across, down)
}

fn sky(across: f32, down: f32) -> [f32; 3] {
    let cloud = (fractal(across * 5.0, down * 11.0, 5) * 2.2 - 0.9).clamp(0.0, 1.0);
    let (dx, dy) = (across - 0.68, (down - 0.3) * 0.75);
    let glow = (-(dx * dx + dy * dy) * 30.0).exp();
    let height = 1.0 - down / 0.7;
    let clear = [
        60.0 + 120.0 * (1.0 - height) + 150.0 * glow,
        100.0 + 60.0 * (1.0 - height) + 90.0 * glow,
        170.0 - 30.0 * (1.0 - height) + 10.0 * glow,
    ];
    let lit = [238.0, 196.0 + 30.0 * height, 180.0 + 50.0 * height];
    let mut mixed = clear;
    for (channel, lit) in mixed.iter_mut().zip(lit) {
        *channel += (lit - *channel) * cloud * 0.75;
    }
    mixed
}

/// Octaves of noise, each twice as fine and half as strong: 0 to 1.
fn fractal(x: f32, y: f32, octaves: u32) -> f32 {
    let (mut sum, mut weight, mut scale) = (0.0, 0.5, 1.0);
    for octave in 0..octaves {
        sum += weight * noise(x * scale + octave as f32 * 17.3, y * scale);
        weight *= 0.5;
        scale *= 2.0;
    }
    sum
}

/// Smooth noise between the points of a grid: 0 to 1.
fn noise(x: f32, y: f32) -> f32 {
    let (left, top) = (x.floor(), y.floor());
    let ease = |t: f32| t * t * (3.0 - 2.0 * t);
    let (tx, ty) = (ease(x - left), ease(y - top));
    let (left, top) = (left as i32, top as i32);
    let across = |row: i32| {
        let (a, b) = (hash(left, row), hash(left.wrapping_add(1), row));
        a + (b - a) * tx
    };
    let (above, below) = (across(top), across(top.wrapping_add(1)));
    above + (below - above) * ty
}

/// A number for a point of the grid: 0 to 1.
fn hash(x: i32, y: i32) -> f32 {
    let mut mixed = (x as u32).wrapping_mul(0x9E37_79B1) ^ (y as u32).wrapping_mul(0x85EB_CA77);
    mixed ^= mixed >> 15;
    mixed = mixed.wrapping_mul(0x2C1B_3C6D);
    mixed ^= mixed >> 12;
    (mixed & 0xFFFF) as f32 / 65_535.0
}
