import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { draft, text } from '../../shared/tasks/fixtures.ts'
import { sealTask } from '../../shared/tasks/manifest.ts'
import { diffLines, diffTasks, type Line } from './diff.ts'

/** Lines in common, by the textbook's table: what a shortest edit keeps. */
function common(a: readonly string[], b: readonly string[]): number {
  const table = Array.from({ length: a.length + 1 }, () => new Array<number>(b.length + 1).fill(0))
  for (const [i, one] of a.entries())
    for (const [j, other] of b.entries())
      table[i + 1]![j + 1] =
        one === other ? table[i]![j]! + 1 : Math.max(table[i]![j + 1]!, table[i + 1]![j]!)
  return table[a.length]![b.length]!
}
const count = (lines: readonly Line[], change: Line['change']) =>
  lines.filter((line) => line.change === change).length

describe('lines', () => {
  it('by hand', () => {
    expect(diffLines('a\nb\nc\nd', 'a\nc\nx\nd')).toEqual([
      { change: 'same', text: 'a' },
      { change: 'removed', text: 'b' },
      { change: 'same', text: 'c' },
      { change: 'added', text: 'x' },
      { change: 'same', text: 'd' },
    ])
    expect(diffLines('a\nb', 'a\nb')).toEqual([])
  })

  it('are the fewest that make one text from the other, as the table of common subsequences finds', () => {
    const lines = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 7 })
    fc.assert(
      fc.property(lines, lines, (old, now) => {
        const edits = diffLines(old.join('\n'), now.join('\n'))
        const kept = common(old, now)
        expect(count(edits, 'removed')).toBe(old.length - kept)
        expect(count(edits, 'added')).toBe(now.length - kept)
      }),
      { seed: 5 },
    )
  })

  it('show three lines around what changed', () => {
    const old = Array.from({ length: 50 }, (_, i) => `line ${i}`)
    const edits = diffLines(old.join('\n'), old.with(20, 'another').join('\n'))
    expect(edits.map(({ text }) => text)).toEqual([...old.slice(17, 21), 'another', ...old.slice(21, 24)])
  })

  it('of texts that have nothing in common are all of both', () => {
    const old = Array.from({ length: 400 }, (_, i) => `a${i}`)
    const now = Array.from({ length: 400 }, (_, i) => `b${i}`)
    const edits = diffLines(old.join('\n'), now.join('\n'))
    expect([count(edits, 'removed'), count(edits, 'added'), count(edits, 'same')]).toEqual([400, 400, 0])
  })
})

describe('two versions of a task', () => {
  it('differ in what was changed, said by path', async () => {
    const one = { script: text('a\nb') }
    const two = { script: text('a\nc'), model: text('weights') }
    const before = { manifest: await sealTask(draft(), 1, one), files: one }
    const changed = draft({
      hyper: { learningRate: 0.01, ranking: { epochs: 4 }, pull: 0.1 },
      models: { ...draft().models, initial: 'ranking' },
    })
    const after = { manifest: await sealTask(changed, 2, two), files: two }
    expect(diffTasks(before, after)).toEqual({
      manifest: [
        { path: 'hyper.pull', before: undefined, after: 0.1 },
        { path: 'hyper.ranking.epochs', before: 2, after: 4 },
        { path: 'models.initial', before: undefined, after: 'ranking' },
        { path: 'version', before: 1, after: 2 },
      ],
      script: [
        { change: 'same', text: 'a' },
        { change: 'removed', text: 'b' },
        { change: 'added', text: 'c' },
      ],
      model: 'added',
    })
    expect(diffTasks(after, before).model).toBe('removed')
  })
})
