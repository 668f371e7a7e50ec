/** Somebody whose app is attacked: their device, asked by the same messages as the page does. */
import { Person } from '../person.ts'
import type { Page } from '../test.ts'

type Asked = { output: unknown } | { failure: { code: string; message: string } }

export interface Victim {
  readonly person: Person
  call(name: string, input?: unknown): Promise<Asked>
  /** What the task answers, or the code of its failure. */
  probe(what: string): Promise<unknown>
  /** The tasks that are there, as `name version`, and the code of what failed. */
  state(): Promise<{ tasks: string[]; failure: string | null }>
}

export async function becomeVictim(page: Page, url: string): Promise<Victim> {
  await page.addInitScript(() => {
    const { Worker } = window
    class Watched extends Worker {
      constructor(address: string | URL, options?: WorkerOptions) {
        super(address, options)
        if (String(address).includes('/device-')) Object.assign(window, { device: this })
      }
    }
    Object.assign(window, { Worker: Watched })
  })
  let calls = 1_000_000
  const call = (name: string, input: unknown = null) =>
    page.evaluate(
      ({ id, name, input }) =>
        new Promise<Asked>((done) => {
          const { device } = window as unknown as { device: Worker }
          const hear = ({ data }: MessageEvent) => {
            if (data.id !== id || data.type === 'news') return
            device.removeEventListener('message', hear)
            done(data)
          }
          device.addEventListener('message', hear)
          device.postMessage({ type: 'call', id, name, input })
        }),
      { id: ++calls, name, input },
    )
  return {
    person: new Person(page, url),
    call,
    async probe(what) {
      const asked = await call('run', { name: 'probe', input: what })
      if ('failure' in asked) console.log(`  ${what}: ${asked.failure.message}`)
      return 'output' in asked ? asked.output : `failed: ${asked.failure.code}`
    },
    async state() {
      const asked = await call('status')
      if (!('output' in asked)) return { tasks: [], failure: asked.failure.code }
      const { tasks, failure } = asked.output as {
        tasks: { name: string; version: number }[]
        failure: { code: string } | null
      }
      return {
        tasks: tasks.map(({ name, version }) => `${name} ${version}`),
        failure: failure?.code ?? null,
      }
    },
  }
}
