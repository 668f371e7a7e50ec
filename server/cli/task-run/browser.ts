/** A trainer as a browser has it: a page on loopback runs the jobs, each in the trainer of the built app. */
import { readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { serveStatic } from '@hono/node-server/serve-static'
import { Hono } from 'hono'
import { secureHeaders } from 'hono/secure-headers'
import { AppError, type Failure } from '../../../shared/failure.ts'
import type { Job, Result } from '../../../worker/trainer/job.ts'
import { deferred } from '../../../worker/turns.ts'
import { trainerHeaders } from '../../http/headers.ts'
import { listen } from '../../http/listen.ts'
import { bundle } from '../../tasks/bundle.ts'
import { pack, unpack } from './crossing.ts'
import type { Spawned } from './thread.ts'

export interface Browser {
  /** Where somebody has to look. */
  readonly url: string
  spawn(): Spawned
  /** What the page shows next, once the run that it did last is told. */
  show(lines: readonly string[]): void
  close(): Promise<void>
}

type Done = { result: Result<'run'>; ms: number } | { failure: Failure }

const PAGE =
  '<!doctype html><meta charset="utf-8"><title>kindred task run</title><pre></pre><script type="module" src="/page.js"></script>'

const POLICY = {
  defaultSrc: ["'none'"],
  scriptSrc: ["'self'"],
  workerSrc: ["'self'"],
  connectSrc: ["'self'"],
}

/** `dist` is the folder of the built app. */
export async function openBrowser(dist: string): Promise<Browser> {
  const trainer = readdirSync(join(dist, 'assets')).find((name) => /^trainer-[\w-]+\.js$/.test(name))
  if (!trainer) throw new AppError('not-ready', `There is no trainer in ${dist}: run npm run build.`)
  const script = await bundle(join(import.meta.dirname, 'page.ts'), resolve(import.meta.dirname, '../../..'))
  const jobs = createQueue<string>()
  const said = createQueue<string>()
  const heard = createQueue<Done>()
  const app = new Hono()
    .use('/assets/*', trainerHeaders())
    .get('/', secureHeaders({ contentSecurityPolicy: POLICY }))
    .get('/', (c) => c.html(PAGE))
    .get('/page.js', (c) => c.body(script, 200, { 'content-type': 'text/javascript' }))
    .get('/trainer.js', (c) => c.redirect(`/assets/${trainer}`))
    .get('/assets/*', serveStatic({ root: dist }))
    .post('/job', async (c) => {
      const job = await jobs.next()
      return job === undefined ? c.body(null, 204) : c.text(job)
    })
    .post('/done', async (c) => {
      heard.put(unpack(await c.req.text()) as Done)
      return c.text((await said.next()) ?? '')
    })
  const server = await listen(app, { port: 0, host: '127.0.0.1' })

  return {
    url: server.url,
    spawn() {
      const done = deferred<number>()
      done.promise.catch(() => {})
      const run = async (job: Job<'run'>): Promise<Result<'run'>> => {
        jobs.put(pack(job))
        const answer = await heard.next()
        if (!answer) throw new AppError('cancelled', 'Stopped.')
        if ('failure' in answer) throw new AppError(answer.failure.code, answer.failure.message)
        done.resolve(answer.ms)
        return answer.result
      }
      const trainer = { run, pause() {}, resume() {}, terminate() {} }
      // The page sees to its time.
      return {
        trainer,
        died: new Promise(() => {}),
        spent: { begun: new Promise(() => {}), ms: done.promise },
      }
    },
    show: (lines) => said.put(lines.map((line) => `${line}\n`).join('')),
    async close() {
      for (const queue of [jobs, said, heard]) queue.end()
      await server.close()
    },
  }
}

/** Who asks waits until there is something; undefined once there will be nothing more. */
function createQueue<T>() {
  const there: T[] = []
  const waiting: ((value: T | undefined) => void)[] = []
  let ended = false
  return {
    put(value: T) {
      const first = waiting.shift()
      if (first) first(value)
      else there.push(value)
    },
    next: (): Promise<T | undefined> =>
      there.length > 0 || ended
        ? Promise.resolve(there.shift())
        : new Promise((resolve) => void waiting.push(resolve)),
    end() {
      ended = true
      for (const tell of waiting.splice(0)) tell(undefined)
    },
  }
}
