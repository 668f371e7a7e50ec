import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type Stalls, watchStalls } from './stalls.ts'

const START = Date.UTC(2026, 10, 22)
let stalls: Stalls
beforeEach(() => {
  vi.useFakeTimers({ now: START })
  stalls = watchStalls()
})
afterEach(() => {
  stalls.stop()
  vi.useRealTimers()
})

/** Nobody gets a turn. */
const standStill = (ms: number) => vi.setSystemTime(Date.now() + ms)

test('what falls into a time in which the machine stood still is told, and no more', () => {
  vi.advanceTimersByTime(100)
  standStill(300)
  vi.advanceTimersByTime(100)
  expect(stalls.within(START, START + 100)).toBe(0)
  expect(stalls.within(START + 150, START + 250)).toBe(100)
  expect(stalls.within(START, START + 500)).toBeGreaterThanOrEqual(300)
  expect(stalls.within(START, START + 500)).toBeLessThanOrEqual(305)
  expect(stalls.within(START + 410, START + 500)).toBe(0)
})

test('one that has not ended yet counts, turns that come in time do not', () => {
  vi.advanceTimersByTime(1000)
  expect(stalls.within(START, START + 1000)).toBe(0)
  standStill(80)
  expect(stalls.within(START + 1000, START + 1080)).toBe(80)
})
