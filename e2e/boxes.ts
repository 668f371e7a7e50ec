/**
 * A font whose every letter is the same box, made here: set in it, a page is laid out alike on every machine, whatever fonts
 * that has. (OpenType 1.9; its cmap is of format 13, many characters to one glyph.)
 */

/** Font units. */
const EM = 1000
const ADVANCE = 500
const ASCENT = 950
const DESCENT = -250
const BOX = { left: 50, right: 450, bottom: 0, top: 520 }

const [LETTER, BLANK] = [1, 2]
/** The characters, first and last, that each glyph stands for. */
const CHARACTERS: readonly [first: number, last: number, glyph: number][] = [
  [0x20, 0x20, BLANK],
  [0x21, 0x9f, LETTER],
  [0xa0, 0xa0, BLANK],
  [0xa1, 0x1fff, LETTER],
  [0x2000, 0x200f, BLANK],
  [0x2010, 0x2027, LETTER],
  [0x2028, 0x202f, BLANK],
  [0x2030, 0xffff, LETTER],
  [0x10000, 0x10ffff, LETTER],
]

const u8 = (...values: number[]) => Buffer.from(values)
const u16 = (...values: number[]) => Buffer.concat(values.map((value) => u8((value >> 8) & 255, value & 255)))
const u32 = (...values: number[]) =>
  Buffer.concat(values.map((value) => u16(Math.floor(value / 65_536) & 0xffff, value & 0xffff)))
const padded = (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)])

function checksum(bytes: Buffer): number {
  let sum = 0
  for (let at = 0; at < bytes.length; at += 4) sum = (sum + bytes.readUInt32BE(at)) % 2 ** 32
  return sum
}

function tables(): Record<string, Buffer> {
  const { left, right, bottom, top } = BOX
  const box = padded(
    Buffer.concat([
      u16(1, left, bottom, right, top), // one contour, its bounds
      u16(3, 0), // its last point; no instructions
      u8(1, 1, 1, 1), // four points on the curve, their distances in 16 bits
      u16(left, 0, right - left, 0),
      u16(bottom, top - bottom, 0, bottom - top),
    ]),
  )
  const groups = CHARACTERS.map((group) => u32(...group))
  const map = Buffer.concat([
    u16(0, 1, 3, 10), // one table: Windows, all of Unicode
    u32(12),
    u16(13, 0),
    u32(16 + 12 * groups.length, 0, groups.length),
    ...groups,
  ])
  const family = Buffer.from('Boxes', 'utf16le').swap16()
  const names = [1, 2, 4, 6]
  return {
    'OS/2': Buffer.concat([
      u16(4, ADVANCE, 400, 5, 0),
      u16(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), // sub- and superscripts, strike-out, family class
      Buffer.alloc(10 + 16),
      Buffer.from('KIND'),
      u16(0x40, 0x20, 0xffff, ASCENT, DESCENT, 0, ASCENT, -DESCENT),
      u32(1, 0),
      u16(BOX.top, 700, 0, 0x20, 1),
    ]),
    cmap: map,
    glyf: Buffer.concat([box, box]),
    head: Buffer.concat([
      u16(1, 0, 1, 0),
      u32(0, 0x5f0f3cf5),
      u16(3, EM),
      Buffer.alloc(16), // made and changed at no time
      u16(left, bottom, right, top, 0, 8, 2, 1, 0),
    ]),
    hhea: Buffer.concat([
      u16(1, 0, ASCENT, DESCENT, 0, ADVANCE, left, ADVANCE - right, right, 1, 0, 0),
      u16(0, 0, 0, 0, 0, 1),
    ]),
    hmtx: u16(ADVANCE, left, left, 0),
    loca: u32(0, box.length, 2 * box.length, 2 * box.length),
    maxp: Buffer.concat([u32(0x10000), u16(3, 4, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0)]),
    name: Buffer.concat([
      u16(0, names.length, 6 + 12 * names.length),
      ...names.map((name) => u16(3, 1, 0x409, name, family.length, 0)),
      family,
    ]),
    post: Buffer.concat([u32(0x30000), u32(0), u16(-100, 50), u32(1, 0, 0, 0, 0)]),
  }
}

/** The font's file. */
export function boxesFont(): Buffer {
  const parts = Object.entries(tables())
  const directory = Buffer.concat([u32(0x10000), u16(parts.length, 128, 3, parts.length * 16 - 128)])
  let at = directory.length + 16 * parts.length
  const entries: Buffer[] = []
  const bodies: Buffer[] = []
  for (const [tag, bytes] of parts) {
    const body = padded(bytes)
    entries.push(Buffer.concat([Buffer.from(tag), u32(checksum(body), at, bytes.length)]))
    bodies.push(body)
    at += body.length
  }
  const file = Buffer.concat([directory, ...entries, ...bodies])
  const head = entries.findIndex((entry) => entry.subarray(0, 4).toString() === 'head')
  const whole = (0xb1b0afba - checksum(file) + 2 ** 32) % 2 ** 32
  file.writeUInt32BE(whole, entries[head]!.readUInt32BE(8) + 8)
  return file
}

/** A stylesheet that sets everything in it. */
export const boxesStyle = (): string => `
  @font-face { font-family: Boxes; src: url(data:font/ttf;base64,${boxesFont().toString('base64')}) }
  *, ::before, ::after { font-family: Boxes !important; font-style: normal !important; caret-color: transparent !important }`
