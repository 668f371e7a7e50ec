/**
 * Figure 6 of the CoDA paper once more, without a storage: what `worker/device/models/models.ts` is held to. Each operation is a list
 * of the states that one model goes through.
 */
import type { Slot } from '../device/storage/tables.ts'

/** What ought to be in a slot: which content its row promises, and whether its blob keeps that promise. */
export interface Held {
  readonly content: number
  readonly whole: boolean
  readonly base?: number
  readonly ended?: boolean
}
export type State = Readonly<Partial<Record<Slot, Held>>>

export type Op =
  | { readonly kind: 'receive' | 'train' | 'checkpoint'; readonly content: number }
  | { readonly kind: 'commit' | 'discard' | 'rollback' | 'load' }
export interface Outcome {
  readonly path: readonly State[]
  readonly fails: boolean
  /** Whether the last state has the mark. */
  readonly marked: boolean
}

const whole = (content: number): Held => ({ content, whole: true })
const without = ({ Mbuf: _, ...rest }: State): State => rest

/** M as it can be read: repaired from M0 if need be; undefined where there is nothing to repair it from. */
export function repaired(state: State): State | undefined {
  if (state.M?.whole) return state
  return state.M0?.whole ? { ...state, M: whole(state.M0.content) } : undefined
}

export function outcomeOf(state: State, op: Op): Outcome {
  switch (op.kind) {
    case 'receive': {
      const delivered = whole(op.content)
      return { path: [{ M: delivered, M0: delivered }], fails: false, marked: true }
    }
    case 'train':
    case 'checkpoint': {
      const ready = repaired(state)
      if (!ready) return { path: [state], fails: true, marked: false }
      const Mbuf = { ...whole(op.content), base: ready.M!.content, ended: op.kind === 'train' }
      return { path: [ready, { ...ready, Mbuf }], fails: false, marked: false }
    }
    case 'commit': {
      const { M, Mbuf } = state
      if (!Mbuf?.ended) return { path: [state], fails: true, marked: false }
      if (!Mbuf.whole || Mbuf.base !== M?.content)
        return { path: [without(state)], fails: true, marked: false }
      return { path: [{ ...without(state), M: whole(Mbuf.content) }], fails: false, marked: true }
    }
    case 'discard':
      return { path: [without(state)], fails: false, marked: true }
    case 'rollback':
      if (!state.M0?.whole) return { path: [state], fails: true, marked: false }
      return { path: [{ ...state, M: whole(state.M0.content) }], fails: false, marked: true }
    case 'load': {
      const ready = repaired(state)
      return { path: [ready ?? state], fails: !ready, marked: false }
    }
    default:
      return op satisfies never
  }
}
