import { expect, it } from 'vitest'

/** Each room is told by what it may use: what stands before it here, and what lies outside of this folder. */
const ROOMS = ['storage', 'tabs', 'tunnel', 'models', 'delivery', 'samples', 'tasks', 'ranking', 'cycle']

// A test may start a whole device.
const sources = import.meta.glob<string>(['./*/*.ts', '!./*/*.test.ts'], {
  query: '?raw',
  import: 'default',
  eager: true,
})

const roomOf = (path: string): string => path.split('/')[1]!

it('lists every room', () => {
  expect([...new Set(Object.keys(sources).map(roomOf))].sort()).toEqual([...ROOMS].sort())
})

it.each(ROOMS)('%s uses only what lies below it', (room) => {
  const below = ROOMS.slice(0, ROOMS.indexOf(room))
  const files = Object.entries(sources).filter(([path]) => roomOf(path) === room)
  const wrong = files.flatMap(([path, source]) =>
    [...source.matchAll(/(?:from|import\() ?'(\.\.\/(?!\.\.\/)[^']+)'/g)]
      .map(([, target]) => target!)
      .filter((target) => !below.includes(roomOf(target)))
      .map((target) => `${path} → ${target}`),
  )
  expect(wrong).toEqual([])
})
