/** The page of browser.ts: runs one job after the other, each in a trainer of the built app, and shows what came of it. */
import type { Port } from '../../../shared/calls.ts'
import { AppError, toFailure } from '../../../shared/error.ts'
import type { Job, Result } from '../../../worker/trainer/job.ts'
import { connectTrainer } from '../../../worker/trainer/port.ts'
import { pack, unpack } from './crossing.ts'

// The little of a page that is needed; the server's types know none of it.
declare class Worker {
  constructor(address: string, options: { type: 'module'; name: string })
  terminate(): void
}
declare const document: { querySelector(selector: string): { textContent: string } }
declare const location: { search: string }

/** A script that does not end by itself has so long more than its budget, ms. */
const GRACE_MS = 10_000

type Done =
  | { readonly result: Result<'run'>; readonly ms: number }
  | { readonly failure: ReturnType<typeof toFailure> }

async function run(job: Job<'run'>): Promise<Done> {
  const worker = new Worker('/trainer.js', { type: 'module', name: location.search.slice(1) })
  const trainer = connectTrainer(worker as unknown as Port, () => worker.terminate())
  const from = performance.now()
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    const { ms } = job.task.budget
    const over = new AppError('cancelled', `It took more than ${ms} ms, and had to be ended.`)
    timer = setTimeout(() => reject(over), ms + GRACE_MS)
  })
  try {
    const result = await Promise.race([trainer.run(job), late])
    return { result, ms: performance.now() - from }
  } catch (error) {
    return { failure: toFailure(error) }
  } finally {
    clearTimeout(timer)
    trainer.terminate()
  }
}

const shown = document.querySelector('pre')
for (;;) {
  const asked = await fetch('/job', { method: 'POST' }).catch(() => undefined)
  if (asked?.status !== 200) break
  const done = await run(unpack(await asked.text()) as Job<'run'>)
  const told = await fetch('/done', { method: 'POST', body: pack(done) })
  shown.textContent += await told.text()
}
shown.textContent += 'That was all: this page may be closed.\n'
