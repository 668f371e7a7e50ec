/** A seeded stream of numbers: the only source of chance in anything that must be reproducible. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number
  /** Uniform integer in [0, n). */
  below(n: number): number
  /** Standard normal (Box–Muller). */
  normal(): number
  /** Shuffles in place (Fisher–Yates) and returns the same array. */
  shuffle<T extends unknown[] | Int32Array>(items: T): T
}

/** xoshiro128** (Blackman & Vigna 2018), its state filled from `seed` by splitmix32. */
export function seeded(seed: number): Random {
  let mix = seed >>> 0
  const splitmix = () => {
    mix = (mix + 0x9e3779b9) >>> 0
    let z = mix
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b)
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
    return (z ^ (z >>> 16)) >>> 0
  }
  let a = splitmix()
  let b = splitmix()
  let c = splitmix()
  let d = splitmix()
  const rotate = (x: number, k: number) => ((x << k) | (x >>> (32 - k))) >>> 0
  const next = () => {
    const result = Math.imul(rotate(Math.imul(b, 5) >>> 0, 7), 9) >>> 0
    const t = (b << 9) >>> 0
    c = (c ^ a) >>> 0
    d = (d ^ b) >>> 0
    b = (b ^ c) >>> 0
    a = (a ^ d) >>> 0
    c = (c ^ t) >>> 0
    d = rotate(d, 11)
    return result / 0x1_0000_0000
  }
  const below = (n: number) => Math.floor(next() * n)
  return {
    next,
    below,
    normal: () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
    shuffle(items) {
      const array: { [index: number]: unknown } = items
      for (let i = items.length - 1; i > 0; i--) {
        const j = below(i + 1)
        const held = array[i]
        array[i] = array[j]
        array[j] = held
      }
      return items
    },
  }
}
