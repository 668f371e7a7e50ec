/** What authors are told is what they get. */
import { expect, expectTypeOf, test } from 'vitest'
import type * as Author from './author.ts'
import text from './author.ts?raw'
import { CONTEXT_VERSION, type Run, type TaskContext } from './context.ts'

test('a script by the published types is a script, and the context is what they say', () => {
  expectTypeOf<TaskContext>().toExtend<Author.TaskContext>()
  expectTypeOf<Author.Run>().toExtend<Run>()
  expectTypeOf<Author.TaskContext['version']>().toEqualTypeOf<typeof CONTEXT_VERSION>()
})

test('nothing that a context has is left out', () => {
  type Keys<T, U> = [keyof T, keyof U]
  type Part = 'task' | 'samples' | 'models' | 'engine' | 'log' | 'clock' | 'random'
  expectTypeOf<keyof Author.TaskContext>().toEqualTypeOf<keyof TaskContext>()
  expectTypeOf<{ [P in Part]: keyof Author.TaskContext[P] }>().toEqualTypeOf<{
    [P in Part]: keyof TaskContext[P]
  }>()
  expectTypeOf<Keys<Author.Score, Author.NamedSamples>>().toEqualTypeOf<
    Keys<
      Parameters<TaskContext['samples']['score']>[0][number],
      Awaited<ReturnType<TaskContext['samples']['read']>>
    >
  >()
})

test('they are published as they stand: they import nothing', () => {
  expect(text).toContain(`readonly version: ${CONTEXT_VERSION}`)
  expect(text).not.toMatch(/^\s*import |from '\./m)
})
