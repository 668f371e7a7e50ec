import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { AppError } from '../../shared/failure.ts'
import { createReport, fail, type Metric } from './report.ts'

/** A stream that remembers; as a terminal it can do what cli-progress asks of one. */
function fake({ isTTY = false } = {}) {
  let text = ''
  const write = (chunk: string) => {
    text += chunk
    return true
  }
  return { isTTY, columns: 120, write, text: () => text, lines: () => text.split('\n').slice(0, -1) }
}

function setup({ json = false, tty = false } = {}) {
  const clock = { at: 0, now: () => clock.at }
  const stdout = fake()
  const stderr = fake({ isTTY: tty })
  return { clock, stdout, stderr, report: createReport({ json, stdout, stderr, clock }) }
}

const metric: Metric = {
  metric: 'engine.step.vs_tfjs_wasm',
  value: 37.21234,
  unit: 'x',
  target: '>=30',
  rival: 'tfjs wasm, patched',
  detail: { medians: [1, 2] },
}

let before: typeof process.exitCode
beforeEach(() => {
  before = process.exitCode
  vi.stubEnv('KINDRED_DEBUG', '')
})
afterEach(() => {
  process.exitCode = before
  vi.unstubAllEnvs()
})

test('with --json standard output holds metrics, one object a line, and nothing else', () => {
  const { report, stdout, stderr } = setup({ json: true })
  report.say('Hello.')
  report.metric(metric)
  report.progress({ stage: 'Reading ratings', done: 5, total: 5 })
  report.metric({ metric: 'a.b', value: null, unit: 'ms', detail: { why: 'no PyTorch here' } })
  report.done()
  expect(stdout.lines().map((line) => JSON.parse(line))).toEqual([
    metric,
    { metric: 'a.b', value: null, unit: 'ms', detail: { why: 'no PyTorch here' } },
  ])
  expect(stderr.lines()).toEqual(['Hello.', 'Reading ratings: 5, done'])
})

test('a note stands beside how far a stage is', () => {
  const { report, clock, stderr } = setup()
  const note = '100 samples/s, 5 s left'
  report.progress({ stage: 'Training', done: 0, total: 1000 })
  clock.at += 10_000
  report.progress({ stage: 'Training', done: 500, total: 1000, note })
  expect(stderr.lines()).toEqual(['Training: 50 % of 1,000, 100 samples/s, 5 s left'])
  const bar = setup({ tty: true })
  bar.report.progress({ stage: 'Training', done: 500, total: 1000, note })
  bar.report.done()
  expect(bar.stderr.text()).toContain('50% of 1,000 100 samples/s, 5 s left')
})

test('without --json metrics read as prose on standard output', () => {
  const { report, stdout, stderr } = setup()
  report.say('Hello.')
  report.metric(metric)
  report.metric({ metric: 'a.b', value: null, unit: 'ms', detail: { why: 'no PyTorch here' } })
  report.metric({ metric: 'a.c', value: 1_000_209, unit: 'events' })
  expect(stdout.lines()).toEqual([
    'Hello.',
    'engine.step.vs_tfjs_wasm: 37.21 x (target >=30; against tfjs wasm, patched)',
    'a.b: not measured (no PyTorch here)',
    'a.c: 1,000,209 events',
  ])
  expect(stderr.text()).toBe('')
})

test('a server that listens says so in a line of its own, with --json on standard error', () => {
  for (const json of [false, true]) {
    const { report, stdout, stderr } = setup({ json })
    report.ready('http://localhost:8787')
    expect((json ? stderr : stdout).text()).toBe('ready http://localhost:8787\n')
    expect((json ? stdout : stderr).text()).toBe('')
  }
})

test('a value that is not finite is refused, since JSON would make it null', () => {
  const { report, stdout } = setup({ json: true })
  expect(() => report.metric({ ...metric, value: Number.NaN })).toThrow(RangeError)
  expect(stdout.text()).toBe('')
})

test('without a terminal a quick stage is one line, however often it reports', () => {
  const { report, stderr } = setup()
  for (let done = 0; done <= 1000; done++) report.progress({ stage: 'Reading ratings', done, total: 1000 })
  report.progress({ stage: 'Reading ratings', done: 1000, total: 1000 })
  expect(stderr.lines()).toEqual(['Reading ratings: 1,000, done'])
})

test('without a terminal a slow stage is a line each tenth, a very slow one a line each half minute', () => {
  const { report, stderr, clock } = setup()
  for (let done = 0; done <= 40; done++) {
    clock.at += 1000
    report.progress({ stage: 'Matching users', done, total: 40 })
  }
  const tenths = stderr.lines()
  expect(tenths.length).toBeLessThanOrEqual(10)
  expect(tenths[0]).toBe('Matching users: 10 % of 40')
  for (let done = 0; done < 1000; done++) {
    clock.at += 100
    report.progress({ stage: 'Training', done, total: 100_000 })
  }
  expect(stderr.lines().slice(tenths.length)).toEqual([
    'Training: 0 % of 100,000',
    'Training: 0 % of 100,000',
    'Training: 0 % of 100,000',
  ])
})

test('a stage without a known end counts', () => {
  const { report, stderr, clock } = setup()
  for (let done = 1; done <= 7000; done += 1000) {
    report.progress({ stage: 'Reading events', done, total: 0 })
    clock.at += 10_000
  }
  expect(stderr.lines()).toEqual(['Reading events: 3,001', 'Reading events: 6,001'])
})

test('on a terminal there is a bar on standard error, ended before anything else is written', () => {
  const { report, stdout, stderr } = setup({ tty: true })
  let barsBefore = ''
  stdout.write = (chunk) => {
    barsBefore = stderr.text()
    expect(chunk).toBe('Hello.\n')
    return true
  }
  report.progress({ stage: 'Reading ratings', done: 1, total: 4 })
  report.progress({ stage: 'Reading ratings', done: 4, total: 4 })
  report.progress({ stage: 'Matching users', done: 1, total: 2 })
  report.say('Hello.')
  const end = barsBefore.lastIndexOf('\n')
  expect(barsBefore.slice(0, end)).toMatch(/Reading ratings .*100% of 4.*\n.*Matching users .*50% of 2/s)
  expect(barsBefore.slice(end)).not.toContain('Matching')
  report.progress({ stage: 'Matching users', done: 2, total: 2 })
  const whole = stderr.text()
  report.done()
  report.done()
  expect(stderr.text()).toBe(whole)
})

test('a bar whose stage never ends leaves no timer behind once it is done', () => {
  vi.useFakeTimers()
  try {
    const { report } = setup({ tty: true })
    report.progress({ stage: 'Training', done: 1, total: 4 })
    expect(vi.getTimerCount()).toBeGreaterThan(0)
    report.done()
    expect(vi.getTimerCount()).toBe(0)
  } finally {
    vi.useRealTimers()
  }
})

test('a failure is one sentence and the exit status 1', () => {
  const { report, stdout, stderr } = setup({ tty: true, json: true })
  report.fail(new AppError('bad-input', 'ratings.dat:2: 3 fields where 4 are due'))
  expect(stderr.text()).toBe('kindred: ratings.dat:2: 3 fields where 4 are due\n')
  expect(stdout.text()).toBe('')
  expect(process.exitCode).toBe(1)
})

test('what was not foreseen says how to learn more, and shows no stack', () => {
  const stderr = fake()
  fail(new TypeError('x is not a function\nand more'), stderr)
  fail('just text', stderr)
  expect(stderr.lines()).toEqual([
    'kindred: x is not a function (not foreseen: KINDRED_DEBUG=1 shows where it happened)',
    'kindred: just text (not foreseen: KINDRED_DEBUG=1 shows where it happened)',
  ])
})

test('KINDRED_DEBUG shows the stack and its causes', () => {
  vi.stubEnv('KINDRED_DEBUG', '1')
  const stderr = fake()
  fail(new AppError('storage', 'The disk is full.', { cause: new Error('ENOSPC') }), stderr)
  expect(stderr.lines()[0]).toBe('kindred: The disk is full.')
  expect(stderr.text()).toContain('report.test.ts')
  expect(stderr.text()).toContain('caused by Error: ENOSPC')
})
