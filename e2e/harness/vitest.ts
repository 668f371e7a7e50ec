/**
 * What the tests take from 'vitest', in a page: vitest's own runner and expectations, without the parts that
 * need Node. The page's bundle has this in place of 'vitest'.
 */
import {
  ASYMMETRIC_MATCHERS_OBJECT,
  type ExpectStatic,
  getState,
  JestAsymmetricMatchers,
  JestChaiExpect,
  JestExtend,
  setState,
} from '@vitest/expect'
import { startTests, type Task, type VitestRunner } from '@vitest/runner'
import * as chai from 'chai'

export { afterAll, afterEach, beforeAll, beforeEach, describe, test } from '@vitest/runner'

chai.use(JestExtend)
chai.use(JestChaiExpect)
chai.use(JestAsymmetricMatchers)

export const expect = Object.assign(
  ((value: unknown, message?: string) => chai.expect(value, message)) as ExpectStatic,
  chai.expect,
  (globalThis as unknown as Record<symbol, object>)[ASYMMETRIC_MATCHERS_OBJECT],
)
setState({ ...getState(expect), assertionCalls: 0, currentTestName: '' }, expect)

/** A test that was run: `error` unless it passed or was skipped. */
export interface Outcome {
  readonly name: string
  readonly state: string
  readonly ms: number
  readonly error?: string
}

/** Runs the tests that each of `files` declares, or those of them whose names match. */
export async function runTests(
  files: Readonly<Record<string, () => unknown>>,
  matching?: string,
): Promise<Outcome[]> {
  const runner: VitestRunner = {
    config: {
      root: '/',
      setupFiles: [],
      name: undefined,
      passWithNoTests: false,
      testNamePattern: matching === undefined ? undefined : new RegExp(matching),
      allowOnly: false,
      sequence: { seed: 0, hooks: 'stack', setupFiles: 'list' },
      chaiConfig: undefined,
      maxConcurrency: 1,
      testTimeout: 60_000,
      hookTimeout: 60_000,
      retry: 0,
      includeTaskLocation: false,
      tags: [],
      tagsFilter: undefined,
      strictTags: false,
    },
    importFile: (path) => files[path]!(),
  }
  return (await startTests(Object.keys(files), runner)).flatMap((file) => outcomesOf(file))
}

function outcomesOf(task: Task): Outcome[] {
  const error = task.result?.errors?.map(({ message }) => message).join('; ')
  if (task.type !== 'test') {
    const own = error ? [{ name: task.name, state: 'fail', ms: 0, error }] : []
    return [...own, ...task.tasks.flatMap((inner) => outcomesOf(inner))]
  }
  const state = task.result?.state ?? task.mode
  const ms = Math.round(task.result?.duration ?? 0)
  return [{ name: task.name, state, ms, ...(error ? { error } : {}) }]
}
