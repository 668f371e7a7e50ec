import { describe, expect, it } from 'vitest'
import type { Conditions, Status } from '../../shared/protocol.ts'
import { createStore } from '../store.ts'
import { askToKeep, tellConditions, tellInput } from './conditions.ts'

/** A page with as much of a browser as is asked for. */
function page({ battery, connection }: { battery?: object; connection?: object } = {}) {
  const document = Object.assign(new EventTarget(), { hidden: false })
  const navigator = {
    ...(battery ? { getBattery: async () => battery } : {}),
    ...(connection ? { connection } : {}),
  }
  const window = Object.assign(new EventTarget(), { document, navigator })
  const told: Conditions[] = []
  tellConditions(window as unknown as Window, (conditions) => told.push(conditions))
  const hide = (hidden: boolean) => {
    document.hidden = hidden
    document.dispatchEvent(new Event('visibilitychange'))
  }
  return { window, document, told, hide }
}

describe('how things stand', () => {
  it('is told at the start and at each change, and not twice', () => {
    const { told, hide } = page()
    hide(true)
    hide(true)
    hide(false)
    expect(told).toEqual([
      { page: 'visible', battery: null, saveData: null },
      { page: 'hidden', battery: null, saveData: null },
      { page: 'visible', battery: null, saveData: null },
    ])
  })

  it('a page that freezes or goes away says so before, and that it is back after', () => {
    const { told, window, document } = page()
    document.dispatchEvent(new Event('freeze'))
    document.dispatchEvent(new Event('resume'))
    window.dispatchEvent(new Event('pagehide'))
    window.dispatchEvent(new Event('pageshow'))
    expect(told.map(({ page }) => page)).toEqual(['visible', 'frozen', 'visible', 'frozen', 'visible'])
  })

  it('tells of the battery and of saved data where the browser does', async () => {
    const battery = Object.assign(new EventTarget(), { level: 0.5, charging: false })
    const connection = Object.assign(new EventTarget(), { saveData: false })
    const { told } = page({ battery, connection })
    await Promise.resolve()
    expect(told.at(-1)).toMatchObject({ battery: { level: 0.5, charging: false }, saveData: false })
    battery.charging = true
    battery.dispatchEvent(new Event('chargingchange'))
    connection.saveData = true
    connection.dispatchEvent(new Event('change'))
    expect(told.at(-1)).toMatchObject({ battery: { level: 0.5, charging: true }, saveData: true })
  })
})

describe('when nobody listens any more', () => {
  it('nothing is told', () => {
    const document = Object.assign(new EventTarget(), { hidden: false })
    const window = Object.assign(new EventTarget(), { document, navigator: {} }) as unknown as Window
    const over = new AbortController()
    let told = 0
    tellConditions(window, () => told++, over.signal)
    const training = { get: () => ({ run: { phase: 'training', fraction: 0 } }) as Status }
    let busy = 0
    tellInput(
      window,
      training,
      () => busy++,
      () => 0,
      over.signal,
    )
    over.abort()
    window.dispatchEvent(new Event('pagehide'))
    window.dispatchEvent(new Event('keydown'))
    expect([told, busy]).toEqual([1, 0])
  })
})

describe('the user at work', () => {
  const running = { run: { phase: 'training', fraction: 0.1 } } as Status
  const idle = { run: { phase: 'idle' } } as Status

  it('is told at once and then ten times a second, only while something trains', () => {
    let now = 0
    let told = 0
    const status = createStore<Status | null>(idle)
    const window = new EventTarget()
    tellInput(
      window as Window,
      status,
      () => void told++,
      () => now,
    )
    const at = (ms: number, type: string) => {
      now = ms
      window.dispatchEvent(new Event(type))
      return told
    }
    expect(at(0, 'pointerdown')).toBe(0)
    status.set(running)
    expect(at(1, 'scroll')).toBe(1)
    expect(at(100, 'wheel')).toBe(1)
    expect(at(101, 'keydown')).toBe(2)
    expect(at(500, 'mousemove')).toBe(2)
    status.set(idle)
    expect(at(900, 'touchmove')).toBe(2)
  })
})

describe('keeping what is stored', () => {
  const shared = {
    serving: { slot: 'M', sha256: 'a' },
    models: [{ slot: 'M0', sha256: 'a' }],
    persistent: null,
  }
  const own = { ...shared, serving: { slot: 'M', sha256: 'b' } }
  const as = (status: object) => status as Status

  it('is asked for once, when there is a model of the user’s own, and the answer is told', async () => {
    const answers: unknown[] = []
    let asked = 0
    const status = createStore<Status | null>(null)
    const device = {
      async persisted(answer: unknown) {
        answers.push(answer)
        return null
      },
    }
    askToKeep(status, device, { persist: async () => ++asked > 0 })
    status.set(as(shared))
    expect(asked).toBe(0)
    status.set(as(own))
    status.set(as(own))
    await new Promise((resolve) => setTimeout(resolve))
    expect([asked, answers]).toEqual([1, [{ granted: true }]])
  })

  it('is not asked for again once there was an answer', () => {
    const status = createStore<Status | null>(null)
    let asked = 0
    askToKeep(status, { persisted: async () => null }, { persist: async () => ++asked > 0 })
    status.set(as({ ...own, persistent: false }))
    expect(asked).toBe(0)
  })
})
