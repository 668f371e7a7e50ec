import { parseAst } from 'vite'
import { describe, expect, it } from 'vitest'
import { de } from './de.ts'
import { en } from './en.ts'

type Leaf = string | ((...input: never[]) => string)
const leaves = (from: object, path = ''): [path: string, leaf: Leaf][] =>
  Object.entries(from).flatMap(([key, value]) =>
    typeof value === 'object' ? leaves(value, `${path}.${key}`) : [[`${path}.${key}`, value]],
  )
const shape = (words: object) => leaves(words).map(([path, leaf]) => `${path}: ${typeof leaf}`)

/** Every string that is written in a source. */
function written(node: unknown): string[] {
  if (Array.isArray(node)) return node.flatMap(written)
  if (typeof node !== 'object' || node === null) return []
  const { type, value } = node as { type?: string; value?: unknown }
  if (type === 'Literal') return typeof value === 'string' ? [value] : []
  if (type === 'TemplateElement') return [(value as { cooked: string }).cooked]
  return Object.values(node).flatMap(written)
}

describe('the words of the console', () => {
  const sources = import.meta.glob<string>('./{en,de}.ts', { query: '?raw', import: 'default', eager: true })
  const all = (file: string) => written(parseAst(sources[file]!, { lang: 'ts' }))

  it('are of one shape in every language', () => expect(shape(de)).toEqual(shape(en)))

  it('differ where German has a word of its own', () => {
    const english = new Map(leaves(en))
    const same = leaves(de).filter(([path, leaf]) => typeof leaf === 'string' && english.get(path) === leaf)
    expect(same.map(([path]) => path)).toEqual([
      '.form.version',
      '.diff.manifest',
      '.devices.version',
      '.experiments.arms',
      '.health.median',
      '.health.version',
    ])
  })

  it('are written with the signs of print, and say du', () => {
    for (const text of [...all('./en.ts'), ...all('./de.ts')]) expect(text).not.toMatch(/["']|\.\.\./)
    for (const text of all('./de.ts')) {
      expect(text).not.toMatch(/[^ ]…|”/)
      expect(text).not.toMatch(/\b(Ihr|Ihnen)\b/)
    }
  })
})
