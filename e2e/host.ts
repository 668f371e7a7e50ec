/**
 * What the specs share, each made once, when it is first asked for: prepared data, servers, the pages of the harness. It
 * lives in the process that starts the tests; specs run in others and ask it over loopback.
 */
import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { resolve } from 'node:path'
import { servePages } from './harness/serve.ts'
import { type Server, startServer } from './server.ts'

const movielens = resolve(import.meta.dirname, '../../shared/data/ml-1m')

export interface Shared {
  /** A data folder with the demo population, prepared and trained, which nobody has open: for copies. */
  prepared: { data: string }
  /** A server on a copy of it. */
  demo: { url: string }
  /** A server on MovieLens-1M where its folder lies beside the repository, else on the demo population. */
  films: { url: string }
  /** The pages of e2e/harness; the address ends in a slash. */
  pages: { url: string }
}

/** Asks for what is shared, and waits until it is there. */
export async function shared<Name extends keyof Shared>(name: Name): Promise<Shared[Name]> {
  const response = await fetch(`${process.env.E2E_HOST}/${name}`)
  const { made, error } = (await response.json()) as { made?: Shared[Name]; error?: string }
  if (!made) throw new Error(`There is no ${name}: ${error}`)
  return made
}

/** Playwright's global setup: nothing is made yet. What it gives back ends all that was. One that `E2E_HOST` names serves. */
export default async function host(): Promise<() => Promise<void>> {
  if (process.env.E2E_HOST) return async () => {}
  const undo: (() => Promise<unknown>)[] = []
  const kept = (server: Server) => {
    undo.push(() => server.remove())
    return server
  }
  const make: { [Name in keyof Shared]: () => Promise<Shared[Name]> } = {
    async prepared() {
      const server = kept(await startServer())
      await server.stop()
      return { data: server.data }
    },
    async demo() {
      const { url } = kept(await startServer({ like: (await get('prepared')).data }))
      return { url }
    },
    async films() {
      // The app is built by then, and by one process.
      const demo = await get('demo')
      if (existsSync(movielens)) {
        // In one thread: beside other tests, several would mostly wait for each other. In one pass: what counts is the size.
        const train = ['train', '--threads', '1', '--epochs', '1']
        const before = [['import', 'movielens', movielens], ['prepare'], train]
        const { url } = kept(await startServer({ before }))
        return { url }
      }
      console.log('No ../shared/data/ml-1m here: these tests run on the demo population.')
      return demo
    },
    async pages() {
      const pages = await servePages('index.html', 'engines.html', 'storage.html')
      undo.push(() => pages.close())
      return { url: pages.url }
    },
  }

  const made = new Map<string, Promise<object>>()
  function get<Name extends keyof Shared>(name: Name): Promise<Shared[Name]> {
    const found = made.get(name) ?? make[name]()
    made.set(name, found)
    return found as Promise<Shared[Name]>
  }

  const door = createServer(async ({ url }, answer) => {
    // A connection on which nothing is said for minutes is given up by who asks; JSON may begin with blanks.
    const stillThere = setInterval(() => answer.write(' '), 10_000)
    const said = await get(url!.slice(1) as keyof Shared).then(
      (made) => ({ made }),
      (error) => ({ error: String(error) }),
    )
    clearInterval(stillThere)
    answer.end(JSON.stringify(said))
  })
  await new Promise<void>((listening) => door.listen(0, '127.0.0.1', listening))
  process.env.E2E_HOST = `http://127.0.0.1:${(door.address() as AddressInfo).port}`
  return async () => {
    door.close()
    await Promise.allSettled(made.values())
    for (const step of undo.reverse()) await step()
  }
}
