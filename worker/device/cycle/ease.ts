/** How hard whatever trains may work: its share of the time, and nothing at all while the user needs the machine. */
import type { Platform } from '../../platform.ts'
import type { Trainer } from '../../trainer/job.ts'

/** The user is done when nothing was heard of them for this long. */
const QUIET_MS = 300

export interface Ease {
  /** A trainer that rests while the user is at work. */
  spawnTrainer(): Trainer
  /** The user is at work. */
  busy(): void
}

export function createEase({ spawnTrainer, after }: Pick<Platform, 'spawnTrainer' | 'after'>): Ease {
  const trainers = new Set<Trainer>()
  let forget: (() => void) | undefined

  function resume(): void {
    forget = undefined
    for (const trainer of trainers) trainer.resume()
  }

  return {
    spawnTrainer() {
      const trainer = spawnTrainer()
      const terminate = () => {
        trainers.delete(trainer)
        trainer.terminate()
      }
      trainers.add(trainer)
      if (forget) trainer.pause()
      return { ...trainer, terminate }
    },
    busy() {
      forget?.()
      if (!forget) for (const trainer of trainers) trainer.pause()
      forget = after(QUIET_MS, resume)
    },
  }
}
