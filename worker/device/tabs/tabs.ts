/** What the tabs of one device say to each other. A word that a tab of another version does not know is passed over. */
import * as z from 'zod'
import { failureSchema } from '../../../shared/failure.ts'
import { statusSchema } from '../../../shared/protocol.ts'
import type { TabChannel } from '../../platform.ts'

/** What is going on, and is not stored. */
export const liveSchema = z.strictObject({
  run: statusSchema.shape.run,
  /** Whether the server answered when it was last asked. */
  reached: z.boolean(),
  /** Why there is nothing to pull, in the server's words. */
  matching: z.enum(['ready', 'too-few-clicks', 'no-neighbours']),
  failure: failureSchema.nullable(),
})

const wordSchema = z.discriminatedUnion('type', [
  /** A tab has come up: whoever has something going on tells it. */
  z.strictObject({ type: z.literal('hello') }),
  z.strictObject({ type: z.literal('live'), live: liveSchema }),
  /** How far the present phase of a run has come. */
  z.strictObject({ type: z.literal('progress'), run: statusSchema.shape.run }),
  /** Something stored is another. */
  z.strictObject({ type: z.literal('changed'), what: z.enum(['rows', 'task', 'delivered', 'learning']) }),
  /** The leader is to contact the server, now or with what else is to be sent; with `suspect`, to look at the models. */
  z.strictObject({ type: z.literal('visit'), soon: z.boolean(), suspect: z.boolean() }),
  /** All that is stored is about to be replaced: what is under way is to end · it is replaced. */
  z.strictObject({ type: z.literal('replacing') }),
  z.strictObject({ type: z.literal('replaced') }),
  /** The user is at work in some tab. */
  z.strictObject({ type: z.literal('busy') }),
  /** Is there a leader that is alive? · there is, and it gives way or not · it would give way now. */
  z.strictObject({ type: z.literal('claim') }),
  z.strictObject({ type: z.literal('leading'), yields: z.boolean() }),
  z.strictObject({ type: z.literal('offered') }),
])
export type Word = z.infer<typeof wordSchema>

export interface Tabs {
  /** Says it to all other tabs. */
  tell(word: Word): void
  /** Hears what they say. */
  on<T extends Word['type']>(type: T, listener: (word: Extract<Word, { type: T }>) => void): void
  close(): void
}

export function createTabs(channel: TabChannel): Tabs {
  const listeners = new Map<string, ((word: never) => void)[]>()
  const close = channel.onMessage((message) => {
    const word = wordSchema.safeParse(message)
    if (!word.success) return
    for (const listener of listeners.get(word.data.type) ?? []) listener(word.data as never)
  })
  return {
    tell: (word) => channel.post(word),
    on(type, listener) {
      listeners.set(type, [...(listeners.get(type) ?? []), listener])
    },
    close,
  }
}
