/** The engine of a trainer, and who takes over where it fails: work goes on as long as there is something to compute on. */
import type { Chosen, Failed } from '../../shared/engine/choose.ts'
import type { Engine, EngineName } from '../../shared/engine/engine.ts'
import { createPlainEngine } from '../../shared/engine/plain/engine.ts'
import type { Shape } from '../../shared/engine/timing.ts'
import { AppError } from '../../shared/failure.ts'
import type { Choice } from './job.ts'

/** What an engine is wanted for; `chooseEngine` takes it. */
export interface Wish {
  readonly shape: Shape
  readonly known?: EngineName | undefined
  readonly lost: readonly Failed[]
}
/** Throws `engine` where there is none but what was lost. */
export type OpenEngine = (wish: Wish) => Promise<Pick<Chosen, 'engine' | 'timings'>>

export interface Engines {
  /**
   * What `work` gives on an engine. Where that fails, `work` is called again with the next one, after the signal of its
   * first call was aborted; an engine that failed is never used again. Throws what `work` throws for any other reason.
   *
   * An engine has failed if it throws `engine`, runs out of memory, or is lost, even if its own promises never settle
   * then. Where a loss or a score stops being finite, the plain engine is asked: if it agrees, the data or the model are at
   * fault, and `diverged` is thrown; if not, the engine was.
   */
  run<T>(
    wish: Omit<Wish, 'lost'>,
    signal: AbortSignal,
    work: (engine: Engine, signal: AbortSignal) => Promise<T>,
  ): Promise<{ result: T; choice: Choice }>
  end(): void
}

export function createEngines(open: OpenEngine, end: (engine: Engine) => Promise<void>): Engines {
  const lost: Failed[] = []
  let opened: ReturnType<OpenEngine> | undefined

  const giveBack = (engine: Engine) => {
    void end(engine).catch(() => {}) // what is lost may not even end
  }

  async function current(wish: Omit<Wish, 'lost'>) {
    opened ??= open({ ...wish, lost: [...lost] })
    const mine = opened
    try {
      const { engine, timings } = await mine
      const before = lost.find(({ name }) => name === engine.name)
      if (before) throw new AppError('engine', `${before.name}: ${before.reason}`)
      return { engine, timed: timings.length > 0 }
    } catch (error) {
      if (opened === mine) opened = undefined
      throw error
    }
  }

  function lose(engine: Engine, { message }: AppError): void {
    if (lost.some(({ name }) => name === engine.name)) return // two jobs at a time lose it once
    lost.push({ name: engine.name, reason: message })
    opened = undefined
    giveBack(engine)
  }

  return {
    async run(wish, signal, work) {
      for (;;) {
        signal.throwIfAborted()
        const { engine, timed } = await current(wish)
        try {
          const result = await unlessLost(engine, signal, work)
          return { result, choice: { engine: engine.name, timed, lost: [...lost] } }
        } catch (error) {
          signal.throwIfAborted()
          const failure = asFailure(engine, error)
          if (failure.code === 'engine') lose(engine, failure)
          else if (failure.code === 'diverged' && engine.name !== 'plain') {
            const plain = createPlainEngine()
            const result = await work(plain, signal)
            lose(engine, failure)
            return { result, choice: { engine: 'plain', timed: false, lost: [...lost] } }
          } else throw failure
        }
      }
    },
    end() {
      void opened?.then(({ engine }) => giveBack(engine)).catch(() => {}) // what could not start has nothing to give back
      opened = undefined
    },
  }
}

/** The work's result; rejects as soon as the engine is lost, and stops the work then. */
async function unlessLost<T>(
  engine: Engine,
  signal: AbortSignal,
  work: (engine: Engine, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (!engine.lost) return work(engine, signal)
  const over = new AbortController()
  const working = work(engine, AbortSignal.any([signal, over.signal]))
  const gone = engine.lost.then((error): never => {
    over.abort(error)
    throw error
  })
  working.catch(() => {}) // whichever comes second is not waited for
  gone.catch(() => {})
  return Promise.race([working, gone])
}

/** Whatever is thrown under an engine and is no failure of ours is a failure of the engine. */
function asFailure({ name }: Engine, error: unknown): AppError {
  if (error instanceof AppError) return error
  const message = error instanceof Error ? error.message : String(error)
  const what = error instanceof RangeError ? 'has no memory left' : 'failed'
  return new AppError('engine', `${name} ${what}: ${message}`, { cause: error })
}
