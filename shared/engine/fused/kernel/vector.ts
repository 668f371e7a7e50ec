/** Rows of floats, by address; `width` counts floats and is a multiple of four. */

export function sumOf(v: v128): f32 {
  const pairs = f32x4.add(v, v128.shuffle<f32>(v, v, 2, 3, 0, 1))
  return f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1)
}

/** sum + a ∗ b, lane by lane. */
export function plusProduct(sum: v128, a: v128, b: v128): v128 {
  return f32x4.add(sum, f32x4.mul(a, b))
}

export function dot(a: usize, b: usize, width: usize): f32 {
  let sum = f32x4.splat(0)
  for (const end = a + (width << 2); a < end; a += 16, b += 16)
    sum = plusProduct(sum, v128.load(a), v128.load(b))
  return sumOf(sum)
}

/** to += scale · from */
export function addScaled(to: usize, from: usize, scale: f32, width: usize): void {
  const factor = f32x4.splat(scale)
  for (const end = to + (width << 2); to < end; to += 16, from += 16)
    v128.store(to, plusProduct(v128.load(to), factor, v128.load(from)))
}

/** to += a ∗ b */
export function addProduct(to: usize, a: usize, b: usize, width: usize): void {
  for (const end = to + (width << 2); to < end; to += 16, a += 16, b += 16)
    v128.store(to, plusProduct(v128.load(to), v128.load(a), v128.load(b)))
}

/** Zeros, for a row too short to be worth a call of memory.fill. */
export function clearRow(to: usize, width: usize): void {
  for (const end = to + (width << 2); to < end; to += 16) v128.store(to, f32x4.splat(0))
}

/** Copies whole lanes. */
export function copyRow(to: usize, from: usize, width: usize): void {
  for (const end = to + (width << 2); to < end; to += 16, from += 16) v128.store(to, v128.load(from))
}

export function addTo(to: usize, value: f32): void {
  store<f32>(to, load<f32>(to) + value)
}

export function addLanes(to: usize, value: v128): void {
  v128.store(to, f32x4.add(v128.load(to), value))
}

/** Transposes [n, m] with rows `width` floats apart into [m, n] with rows `turnedWidth` apart. */
export function transpose(
  from: usize,
  width: usize,
  n: usize,
  m: usize,
  to: usize,
  turnedWidth: usize,
): void {
  for (let i: usize = 0; i < n; i++)
    for (let j: usize = 0; j < m; j++)
      store<f32>(to + ((j * turnedWidth + i) << 2), load<f32>(from + ((i * width + j) << 2)))
}
