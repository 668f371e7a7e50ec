import { expect, it } from 'vitest'
import { overThreads } from './threads.ts'

const module = new URL('./threads.child.ts', import.meta.url)

async function findings(
  { threads = 2, dies = -1, signal }: { threads?: number; dies?: number; signal?: AbortSignal },
  tasks: AsyncIterable<number> | Iterable<number>,
) {
  const found: number[] = []
  let done = 0
  const onTask = () => void done++
  const common = { plus: 100, dies }
  await overThreads({
    module,
    common,
    tasks,
    threads,
    onFinding: (one: number) => void found.push(one),
    onTask,
    signal,
  })
  return { found: found.sort((a, b) => a - b), done }
}

it('finds the same with any number of threads, more than there is to do included', async () => {
  const due = [-4, -2, 101, 102, 103, 104, 105]
  for (const threads of [1, 3])
    expect(await findings({ threads }, [1, 2, 3, 4, 5])).toEqual({ found: due, done: 5 })
  expect(await findings({ threads: 1 }, [])).toEqual({ found: [], done: 0 })
})

it('reads no more tasks than it can do', async () => {
  let read = 0
  const stop = new AbortController()
  async function* tasks() {
    for (;;) {
      if (++read === 5) stop.abort()
      yield read
    }
  }
  await expect(findings({ signal: stop.signal }, tasks())).rejects.toMatchObject({ code: 'cancelled' })
  expect(read).toBeLessThanOrEqual(7)
})

it('fails as the first thread did, and as the reading of tasks did', async () => {
  await expect(findings({ dies: 2 }, [1, 2, 3])).rejects.toThrow('I do not like 2')
  const broken = (function* () {
    yield 1
    throw new Error('no more')
  })()
  await expect(findings({}, broken)).rejects.toThrow('no more')
})
