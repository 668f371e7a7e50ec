import { describe, expect, it } from 'vitest'
import { createOutgoing, type Tracked } from './outgoing.ts'

const seen = (item: string): Tracked => ({ type: 'exposure', item })

/** A device that notes what it is told, a clock that only we move. */
function bench() {
  const sent: Tracked[][] = []
  const failures: unknown[] = []
  const timers: (() => void)[] = []
  const link = { broken: false }
  const outgoing = createOutgoing(
    async (events) => {
      if (link.broken) throw new Error('disk full')
      sent.push(events)
    },
    (error) => failures.push(error),
    (run) => timers.push(run),
  )
  return { sent, failures, timers, link, outgoing }
}

describe('gathering what was seen and done', () => {
  it('a burst is one call, in order', async () => {
    const { sent, timers, outgoing } = bench()
    outgoing.add(seen('a'))
    outgoing.add(seen('b'), { type: 'click', item: 'b' })
    expect(timers).toHaveLength(1)
    expect(sent).toEqual([])
    timers[0]!()
    await outgoing.flush()
    expect(sent).toEqual([[seen('a'), seen('b'), { type: 'click', item: 'b' }]])
  })

  it('what could not be stored is told, kept, and goes first the next time', async () => {
    const { sent, failures, link, outgoing } = bench()
    link.broken = true
    outgoing.add(seen('a'))
    await outgoing.flush()
    expect(failures).toHaveLength(1)
    link.broken = false
    outgoing.add(seen('b'))
    await outgoing.flush()
    expect(sent).toEqual([[seen('a'), seen('b')]])
  })

  it('no call carries more than the protocol allows', async () => {
    const { sent, outgoing } = bench()
    outgoing.add(...Array.from({ length: 450 }, (_, i) => seen(`i${i}`)))
    await outgoing.flush()
    expect(sent.map((events) => events.length)).toEqual([200, 200, 50])
    expect(new Set(sent.flat().map((event) => JSON.stringify(event))).size).toBe(450)
  })
})
