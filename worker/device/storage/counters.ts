/** What crossed the network, added up. Light: the service worker counts, too. */
import type { TrafficKind } from '../../../shared/protocol.ts'
import type { StateValue } from './state.ts'

type Counters = StateValue<'counters'>
export type Counted = Partial<Pick<Counters, 'delivered' | 'down' | 'up'>> & { kind?: TrafficKind }

/** The counters after what is told; `kind` is what the bytes were for. */
export function counted(
  before: Counters = { delivered: 0, down: 0, up: 0 },
  { delivered = 0, down = 0, up = 0, kind }: Counted,
): Counters {
  const traffic = { ...before.traffic }
  const { [kind ?? 'other']: ofKind = { down: 0, up: 0 } } = traffic
  if (kind) traffic[kind] = { down: ofKind.down + down, up: ofKind.up + up }
  return {
    delivered: before.delivered + delivered,
    down: before.down + down,
    up: before.up + up,
    traffic,
  }
}
