/** The picture of a card, drawn from its key and categories alone: the same card always looks the same. */
import { type Random, seeded } from '../../shared/random.ts'

/** Pictures are drawn on a sheet of this size and cut to the card. */
export const SHEET = { width: 160, height: 100 } as const

export interface Shape {
  /** SVG path data on the sheet. */
  d: string
  fill: string
  opacity: number
  /** Width of the line, for shapes that are lines and not areas. */
  line?: number
}
export interface Drawing {
  /** The ground: a gradient from `ground[0]` to `ground[1]`. */
  ground: readonly [string, string]
  /** Back to front. */
  shapes: readonly Shape[]
}

/** Ground, its lower end, then inks from strong to light. Their number and that of the motifs have no common divisor. */
const palettes = [
  ['#1f4d43', '#2f6f5f', '#8fc1a9', '#f2c14e', '#f7efe0'],
  ['#c8553d', '#e07a5f', '#f2cc8f', '#588b8b', '#fff3e4'],
  ['#24395c', '#3d5a80', '#98c1d9', '#ee6c4d', '#e6f1f5'],
  ['#5b3758', '#86527f', '#d9a5b3', '#f4d35e', '#fbeef0'],
  ['#d99a2b', '#edb458', '#8a4f1d', '#2e5e4e', '#fff6dc'],
  ['#2b5876', '#4e8098', '#ced3dc', '#f9b5ac', '#f5f3f4'],
  ['#6b705c', '#a5a58d', '#ffe8d6', '#cb997e', '#f4f1e8'],
  ['#93304a', '#b5526b', '#f3b5a5', '#ffd9a0', '#fdf0e7'],
  ['#0f6073', '#16889b', '#a4ded0', '#ffb703', '#eefaf6'],
  ['#473b78', '#6c5ca8', '#b8b0e0', '#ff9f80', '#f1eefb'],
  ['#3d3a36', '#5e574f', '#c9ada7', '#e9724c', '#f2e9e4'],
] as const
type Palette = (typeof palettes)[number]

const round = (value: number) => Math.round(value * 10) / 10
/** Both half circles end exactly on the diameter: rounded apart they would bulge. */
function circle(x: number, y: number, radius: number): string {
  const r = round(radius)
  return `M${round(x - r)} ${round(y)}a${r} ${r} 0 1 0 ${round(2 * r)} 0a${r} ${r} 0 1 0 ${round(-2 * r)} 0Z`
}
const between = (random: Random, low: number, high: number) => low + random.next() * (high - low)
const times = <T>(count: number, make: (i: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => make(i))

type Motif = (random: Random, inks: readonly string[]) => Shape[]

const orbs: Motif = (random, inks) =>
  times(4, (i) => ({
    d: circle(between(random, 30, 130), between(random, 15, 85), between(random, 14, 38)),
    fill: inks[i % inks.length]!,
    opacity: 0.82,
  }))

const hills: Motif = (random, inks) => [
  {
    d: circle(between(random, 50, 110), between(random, 22, 38), between(random, 9, 15)),
    fill: inks[1]!,
    opacity: 1,
  },
  ...times(3, (i) => {
    const y = 48 + i * 17
    const [a, b] = [between(random, -22, 6), between(random, -6, 22)]
    return {
      d: `M0 ${y}C45 ${round(y + a)} 100 ${round(y + b)} 160 ${round(y + a / 2)}V100H0Z`,
      fill: inks[i === 1 ? 0 : 2]!,
      opacity: 0.45 + i * 0.25,
    }
  }),
]

const sun: Motif = (random, inks) => {
  const [x, y, r] = [between(random, 60, 100), between(random, 44, 62), between(random, 15, 20)]
  const turn = random.next()
  const rays = times(16, (i) => {
    const angle = ((i + turn) / 16) * 2 * Math.PI
    const [c, s] = [Math.cos(angle), Math.sin(angle)]
    return `M${round(x + c * r * 1.35)} ${round(y + s * r * 1.35)}L${round(x + c * (r * 1.9 + (i % 2) * 9))} ${round(y + s * (r * 1.9 + (i % 2) * 9))}`
  })
  return [
    { d: rays.join(''), fill: inks[1]!, opacity: 0.9, line: 3 },
    { d: circle(x, y, r), fill: inks[2]!, opacity: 1 },
    { d: circle(x, y, r * 0.6), fill: inks[0]!, opacity: 0.8 },
  ]
}

const rings: Motif = (random, inks) => {
  const [x, y] = [between(random, 55, 105), between(random, 30, 70)]
  return times(5, (i) => ({
    d: circle(x, y, 52 - i * 11),
    fill: inks[i % inks.length]!,
    opacity: 0.85,
    line: 5,
  }))
}

const petals: Motif = (random, inks) => {
  const [x, y, count] = [between(random, 64, 96), between(random, 44, 56), 5 + random.below(4)]
  const turn = random.next()
  const leaves = times(count, (i) => {
    const angle = ((i + turn) / count) * 2 * Math.PI
    const tip = [x + Math.cos(angle) * 42, y + Math.sin(angle) * 42] as const
    const side = (by: number) =>
      `${round(x + Math.cos(angle + by) * 26)} ${round(y + Math.sin(angle + by) * 26)}`
    return {
      d: `M${round(x)} ${round(y)}Q${side(0.5)} ${round(tip[0])} ${round(tip[1])}Q${side(-0.5)} ${round(x)} ${round(y)}Z`,
      fill: inks[i % 2 === 0 ? 0 : 2]!,
      opacity: 0.85,
    }
  })
  return [...leaves, { d: circle(x, y, 8), fill: inks[1]!, opacity: 1 }]
}

const tiles: Motif = (random, inks) =>
  times(15, (i) => {
    const [x, y] = [(i % 5) * 32, Math.floor(i / 5) * 34 - 1]
    const quarters = [
      `M${x} ${y}h32a32 34 0 0 1 -32 34Z`,
      `M${x + 32} ${y}v34a32 34 0 0 1 -32 -34Z`,
      `M${x + 32} ${y + 34}h-32a32 34 0 0 1 32 -34Z`,
      `M${x} ${y + 34}v-34a32 34 0 0 1 32 34Z`,
      circle(x + 16, y + 17, 11),
    ]
    const [shape, ink] = [quarters[random.below(5)]!, random.below(inks.length + 1)]
    return { d: shape, fill: inks[ink] ?? inks[0]!, opacity: ink === inks.length ? 0 : 0.85 }
  })

const bars: Motif = (random, inks) => {
  const lean = between(random, -26, 26)
  return times(6, (i) => {
    const [x, width, top] = [18 + i * 22, between(random, 8, 17), between(random, -10, 60)]
    return {
      d: `M${round(x)} 104L${round(x + lean)} ${round(top)}h${round(width)}L${round(x + width)} 104Z`,
      fill: inks[i % inks.length]!,
      opacity: 0.85,
    }
  })
}

const peaks: Motif = (random, inks) => [
  { d: circle(between(random, 40, 120), between(random, 18, 34), 11), fill: inks[1]!, opacity: 1 },
  ...times(4, (i) => {
    const [x, top, half] = [18 + i * 42, between(random, 24, 58), between(random, 30, 48)]
    return {
      d: `M${round(x - half)} 102L${round(x)} ${round(top)}L${round(x + half)} 102Z`,
      fill: inks[i % 2 === 0 ? 0 : 2]!,
      opacity: 0.75,
    }
  }),
]

const threads: Motif = (random, inks) => {
  const [a, b] = [between(random, 12, 34), between(random, -34, -12)]
  return times(6, (i) => {
    const y = 14 + i * 15
    return {
      d: `M-4 ${y}C40 ${round(y + a)} 56 ${round(y + b)} 82 ${y}S128 ${round(y + a)} 164 ${round(y + b / 2)}`,
      fill: inks[i % inks.length]!,
      opacity: 0.9,
      line: 4.5,
    }
  })
}

const dots: Motif = (random, inks) => {
  const [focusX, focusY] = [between(random, 40, 120), between(random, 25, 75)]
  return times(60, (i) => {
    const [x, y] = [8 + (i % 10) * 16, 8 + Math.floor(i / 10) * 17]
    const near = Math.max(0, 1 - Math.hypot(x - focusX, y - focusY) / 95)
    return { d: circle(x, y, 1.2 + near * 6.2), fill: inks[near > 0.62 ? 1 : 2]!, opacity: 0.9 }
  })
}

const motifs: readonly Motif[] = [hills, orbs, peaks, petals, bars, sun, threads, tiles, rings, dots]

/** FNV-1a: a seed from a key. */
export function seedOf(key: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  return hash >>> 0
}

/**
 * The first category chooses the ground; the second, where there is one, lends its accent and may choose the motif; the
 * key does the rest, so that no two cards are alike.
 */
export function drawing(key: string, categories: readonly number[]): Drawing {
  const random = seeded(seedOf(key))
  const first = categories[0] ?? seedOf(key) % palettes.length
  const second = categories[1] ?? first
  const own: Palette = palettes[first % palettes.length]!
  const lent: Palette = palettes[second % palettes.length]!
  const inks = [own[2], lent === own ? own[3] : lent[3], own[4]]
  const ground = random.next() < 0.5 ? ([own[0], own[1]] as const) : ([own[1], own[0]] as const)
  const motif = (random.next() < 0.5 ? first : second) + (random.next() < 0.3 ? 3 : 0)
  return { ground, shapes: motifs[motif % motifs.length]!(random, inks) }
}
