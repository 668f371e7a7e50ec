import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createBudget, createGate, createPause, systemTiming, type Timing } from './pause.ts'

/** Time that passes only where it is said, and what was slept. */
function madeTime() {
  let time = 0
  const slept: [from: number, to: number][] = []
  let turns = 0
  const timing: Timing = {
    now: () => time,
    async turn() {
      turns++
    },
    async sleep(ms, signal) {
      signal.throwIfAborted()
      slept.push([time, time + ms])
      time += ms
    },
  }
  return {
    timing,
    slept,
    turns: () => turns,
    pass(ms: number) {
      time += ms
    },
  }
}

const never = new AbortController().signal

describe('the duty cycle', () => {
  const WINDOW = 1000
  const LONGEST = 40

  test('holds over every second, but for one slice at its edge', async () => {
    const steps = fc.array(fc.double({ min: 0.01, max: LONGEST, noNaN: true }), {
      minLength: 1,
      maxLength: 300,
    })
    const share = fc.double({ min: 0.05, max: 1, noNaN: true })
    await fc.assert(
      fc.asyncProperty(steps, share, async (durations, duty) => {
        const { timing, pass } = madeTime()
        const pause = createPause(never, { duty, timing })
        const computed: [from: number, to: number][] = []
        for (const ms of durations) {
          await pause()
          computed.push([timing.now(), timing.now() + ms])
          pass(ms)
        }
        for (const [from] of computed) {
          const within = computed.reduce(
            (sum, [a, b]) => sum + Math.max(0, Math.min(b, from + WINDOW) - Math.max(a, from)),
            0,
          )
          expect(within).toBeLessThanOrEqual(duty * WINDOW + 8 + LONGEST)
        }
      }),
      { seed: 1 },
    )
  })

  test('35 %: 10 ms of computing are followed by 18.6 ms of rest', async () => {
    const { timing, slept, pass } = madeTime()
    const pause = createPause(never, { duty: 0.35, timing })
    await pause()
    pass(10)
    await pause()
    expect(slept.at(-1)![1] - slept.at(-1)![0]).toBeCloseTo(10 / 0.35 - 10, 9)
  })

  test('a whole core: no sleep, the messages are heard the first time and every 8 ms', async () => {
    const { timing, slept, turns, pass } = madeTime()
    const pause = createPause(never, { timing })
    for (let step = 0; step < 100; step++) {
      await pause()
      pass(1)
    }
    expect(slept).toEqual([])
    expect(turns()).toBe(13)
  })
})

describe('a stop', () => {
  test('ends the next pause', async () => {
    const abort = new AbortController()
    const { timing } = madeTime()
    const pause = createPause(abort.signal, { timing })
    await pause()
    abort.abort(new Error('stop'))
    expect(() => pause()).toThrow('stop')
  })

  test('ends a sleep of years at once', async () => {
    const abort = new AbortController()
    const sleep = systemTiming.sleep(2 ** 31 - 1, abort.signal)
    abort.abort(new Error('stop'))
    await expect(sleep).rejects.toThrow('stop')
    await expect(systemTiming.sleep(2 ** 31 - 1, abort.signal)).rejects.toThrow('stop')
  })

  test.each([0, 3])('passes a gate that is closed, %i turns after it was come to', async (turns) => {
    const abort = new AbortController()
    const gate = createGate()
    gate.close()
    const pause = createPause(abort.signal, { gate, timing: madeTime().timing })()
    for (let i = 0; i < turns; i++) await systemTiming.turn()
    abort.abort(new Error('stop'))
    await expect(pause).rejects.toThrow('stop')
  })
})

test('a closed gate holds until it is open, also one that is closed again meanwhile', async () => {
  const gate = createGate()
  const { timing } = madeTime()
  gate.close()
  gate.close()
  let through = false
  const pause = createPause(never, { gate, timing })()!.then(() => {
    through = true
  })
  gate.open()
  gate.close()
  await systemTiming.turn()
  expect(through).toBe(false)
  gate.open()
  await pause
  expect(through).toBe(true)
})

describe('a budget of 1000 ms', () => {
  /** Time that passes when it is told to, and who sleeps until when. */
  function stage() {
    let time = 0
    const sleepers: { until: number; wake: () => void }[] = []
    const timing: Timing = {
      now: () => time,
      turn: systemTiming.turn,
      sleep: (ms, signal) =>
        new Promise((wake, reject) => {
          sleepers.push({ until: time + ms, wake })
          signal.addEventListener('abort', () => reject(signal.reason))
        }),
    }
    const gate = createGate(timing)
    let over: number | undefined
    const prevent = createBudget(gate, timing).after(1000, () => {
      over = time
    })
    return {
      gate,
      prevent,
      over: () => over,
      async pass(ms: number) {
        for (let i = 0; i < ms; i += 50) {
          time += 50
          for (const { until, wake } of sleepers) if (until <= time) wake()
          await systemTiming.turn()
        }
      },
    }
  }

  test('is over after 1000 ms', async () => {
    const { pass, over } = stage()
    await pass(950)
    expect(over()).toBeUndefined()
    await pass(500)
    expect(over()).toBe(1000)
  })

  test('does not count what the gate was closed for, however often', async () => {
    const { gate, pass, over } = stage()
    for (const ms of [100, 250, 50]) {
      await pass(200)
      gate.close()
      await pass(ms)
      gate.open()
    }
    expect(gate.closedFor()).toBe(400)
    await pass(2000)
    expect(over()).toBe(1400)
  })

  test('waits for as long as it is closed', async () => {
    const { gate, pass, over } = stage()
    await pass(900)
    gate.close()
    await pass(60_000)
    expect(over()).toBeUndefined()
    gate.open()
    await pass(200)
    expect(over()).toBe(61_000)
  })

  test('is forgotten where the run has ended before', async () => {
    const { prevent, pass, over } = stage()
    await pass(500)
    prevent()
    await pass(2000)
    expect(over()).toBeUndefined()
  })
})
