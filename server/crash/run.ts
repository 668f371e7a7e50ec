/**
 * Kills a server again and again while devices are at it, and looks at what is left: nothing that was acknowledged may be
 * lost or doubled, what was served stays what it was, and what was erased does not come back.
 */
import { existsSync, mkdirSync, watch } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { seeded } from '../../shared/random.ts'
import { createDevice, type Device } from './device.ts'
import { type Book, openBook } from './findings.ts'
import type { Departures } from './given.ts'
import { createLooker } from './look.ts'
import { type Mortal, startMortal } from './process.ts'
import { clockSince, DAY_LASTS_MS, MARKS, untilTomorrow } from './world.ts'

/** When a kill is aimed at. */
const MOMENTS = [
  'starting',
  'serving',
  'turning the day',
  'publishing an index',
  'erasing',
  'withdrawing',
  'importing',
] as const
export type Moment = (typeof MOMENTS)[number]

export interface CrashOptions {
  readonly kills: number
  readonly seed: number
  /** Devices that are there at a time. */
  readonly devices?: number
  /** The name of a bug in planted.ts: the run ends when it shows. */
  readonly bug?: string
  /** Hears of each kill, and of each breach. */
  readonly say?: (text: string) => void
  readonly onKill?: (kills: number) => void
}

export interface CrashFindings extends Pick<Book, 'breaches' | 'counts'> {
  readonly kills: Readonly<Record<Moment, number>>
  readonly days: number
  readonly seconds: number
}

/** A device is back after so long at most, ms. */
const BETWEEN_MS = 400
/** A start that takes longer has failed. */
const START_MS = 90_000

export async function crash({
  kills,
  seed,
  devices = 30,
  bug,
  say = () => {},
  onKill = () => {},
}: CrashOptions): Promise<CrashFindings> {
  const epoch = Date.now()
  const clock = clockSince(epoch)
  const dir = await mkdtemp(join(tmpdir(), 'kindred-crash-'))
  const random = seeded(seed)
  const book = openBook(say)
  const looker = createLooker(dir, clock, book)
  const departures: Departures = new Map()
  const everyone: Device[] = []
  const aimed = Object.fromEntries(MOMENTS.map((moment) => [moment, 0])) as Record<Moment, number>
  let imports = 0
  /** The first life is long enough for there to be something to lose. */
  let moments: Moment[] = ['turning the day']

  const present = () => everyone.filter(({ leaving }) => leaving !== 'gone')
  const below = (ms: number) => pause(random.below(ms))

  function welcome(): void {
    while (present().length < devices && everyone.length < MARKS) {
      const mark = everyone.length
      everyone.push(createDevice({ mark, clock, random: seeded(seed * 1000 + mark), book, departures }))
    }
  }

  function start(): Mortal {
    const hear = (line: string) => {
      if (line.startsWith('imported ')) book.count('imports')
      else book.breach('broken', `the server says: ${line}`)
    }
    return startMortal({ dir, epoch, bug, hear })
  }

  /** Undefined, and noted, where it does not come to serve. */
  async function address(server: Mortal): Promise<string | undefined> {
    const late = new AbortController()
    const tooLate = pause(START_MS, undefined, { signal: late.signal }).then(() => {
      throw new Error('it was not ready in time')
    })
    try {
      return await Promise.race([server.ready, tooLate])
    } catch (error) {
      book.breach('broken', `the server does not start: ${(error as Error).message}`)
      return undefined
    } finally {
      late.abort()
    }
  }

  /** Devices come and go until `end` is over. */
  async function busy(url: string, end: () => Promise<void>): Promise<void> {
    let over = false
    const comeAndGo = async (device: Device) => {
      while (!over) {
        await device.visit(url)
        await pause(device.pause(BETWEEN_MS))
      }
    }
    const all = Promise.all(present().map(comeAndGo))
    await end()
    over = true
    await all
  }

  /** Until a device was given what others saw, a kill can cost little: on a slow machine that takes days. */
  async function somethingToLose(): Promise<void> {
    const end = performance.now() + START_MS
    while (book.counts.pulls === 0 && book.breaches.length === 0 && performance.now() < end) await pause(50)
  }

  async function reach(moment: Exclude<Moment, 'starting'>, server: Mortal): Promise<void> {
    switch (moment) {
      case 'serving':
        return below(6000)
      case 'turning the day':
        await pause(untilTomorrow(clock))
        return below(1000)
      case 'publishing an index':
        await Promise.race([written(join(dir, 'index')), pause(DAY_LASTS_MS + 2000)])
        return below(30)
      case 'erasing':
        await below(1500)
        for (const device of random.shuffle(present()).slice(0, 4)) device.leave()
        return below(BETWEEN_MS)
      case 'withdrawing':
        await below(1500)
        for (const device of random.shuffle(present()).slice(0, 3)) device.stopSharing()
        return below(BETWEEN_MS)
      case 'importing':
        await below(1000)
        await Promise.race([server.import(++imports), pause(DAY_LASTS_MS)])
        return below(1500)
      default:
        return moment satisfies never
    }
  }

  /** One life; false if the server could not come to life. */
  async function live(moment: Moment): Promise<boolean> {
    welcome()
    const server = start()
    try {
      if (moment === 'starting') {
        await below(2500)
        return true
      }
      const url = await address(server)
      if (url === undefined) return false
      await Promise.all(present().map((device) => device.compare(url)))
      await busy(url, async () => {
        await somethingToLose()
        await reach(moment, server)
        await server.kill()
      })
      return true
    } finally {
      await server.kill()
    }
  }

  /** Everything that was begun is brought to its end: nothing may be missing then, acknowledged or not. */
  async function end(): Promise<void> {
    const server = start()
    try {
      const url = await address(server)
      if (url === undefined) return
      for (let left = 200; left > 0 && !present().every((device) => device.delivered()); left--)
        await Promise.all(present().map((device) => device.deliver(url)))
      await pause(untilTomorrow(clock))
      if (!(await preparedAt(url))) book.breach('broken', 'a day was not prepared')
      await server.stop()
    } finally {
      await server.kill()
    }
    await looker.look(everyone, { settled: true })
  }

  try {
    let alive = true
    for (let killed = 0; killed < kills && !(bug && book.breaches.length > 0); ) {
      if (moments.length === 0) moments = random.shuffle([...MOMENTS])
      const moment = moments.shift()!
      alive = await live(moment)
      if (!alive) break
      aimed[moment]++
      await looker.look(everyone)
      onKill(++killed)
    }
    if (alive && !bug) await end()
    return {
      breaches: book.breaches,
      counts: book.counts,
      kills: aimed,
      days: Math.round((Date.now() - epoch) / DAY_LASTS_MS),
      seconds: (Date.now() - epoch) / 1000,
    }
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

/** Waits for the server to have prepared the day that it is; false where that takes too long. */
async function preparedAt(url: string): Promise<boolean> {
  for (let left = START_MS; left > 0; left -= 100) {
    const response = await fetch(`${url}/readyz`)
    if (response.ok && ((await response.json()) as { prepared: boolean }).prepared) return true
    await pause(100)
  }
  return false
}

/** Done when something happens in a folder. */
async function written(folder: string): Promise<void> {
  if (!existsSync(folder)) mkdirSync(folder, { recursive: true })
  await new Promise<void>((resolve) => {
    const watcher = watch(folder, () => {
      watcher.close()
      resolve()
    })
  })
}
