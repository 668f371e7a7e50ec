/** The work cycle: a contact with the server, and the round that may follow; and which task both are about. */
import { type Failure, toFailure } from '../../../shared/failure.ts'
import { type Active, storedTask } from '../delivery/active.ts'
import { pruneHistory } from '../samples/history.ts'
import { asFailure } from '../storage/withstand.ts'
import { type Contact, type ContactDeps, createContact } from './contact.ts'
import { createRounds, type Rounds, type RoundsDeps } from './rounds.ts'

export interface Cycle extends Contact, Rounds {
  /** Takes up the task that is stored, if it is whole; the one in use stays where that is the same. */
  loadStored(): Promise<Active | undefined>
  /** Puts a failure into the status, unless it is only that somebody stopped it; gives it as it is to be thrown. */
  failed(error: unknown): unknown
}

export interface CycleDeps extends ContactDeps, RoundsDeps {
  /** Hears of each task that is taken up. */
  readonly onTask: (task: Active) => void
}

export function createCycle(deps: CycleDeps): Cycle {
  const { db, samples, board, onTask } = deps

  function failed(error: unknown): unknown {
    const translated = asFailure(error)
    const failure: Failure = toFailure(translated)
    if (failure.code !== 'cancelled') board.set({ failure, reached: failure.code !== 'offline' })
    return translated
  }

  async function use(task: Active): Promise<void> {
    board.hear({ task })
    onTask(task)
    await update(task)
  }

  async function update({ context, manifest: { hyper } }: Active): Promise<void> {
    await samples.update(context, hyper)
    await pruneHistory(db, hyper)
  }

  const contact = createContact(deps, { use, failed })
  const rounds = createRounds(deps, { update, failed })

  return {
    ...contact,
    ...rounds,

    async loadStored() {
      const here = board.live.task
      const row = await db.tasks.toCollection().first()
      if (here && row?.etag === here.etag && row.manifest.version === here.manifest.version) return here
      const task = await storedTask(db)
      if (task) await use(task)
      return task
    },

    reset() {
      contact.reset()
      rounds.reset()
      board.set({ task: undefined, run: { phase: 'idle' }, matching: 'ready', failure: null })
    },

    failed,
  }
}
