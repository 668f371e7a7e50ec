import { describe, expect, it } from 'vitest'
import { workerName } from './device.ts'
import { createInstall, waysByHand } from './install.ts'

const iphone =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1'
const mac =
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15'
const chromeOnIos = iphone.replace('Version/18.0', 'CriOS/130.0.0.0')
const android =
  'Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36'

const oldMac = mac.replace('Version/18.0', 'Version/16.6')
const chromeOnMac =
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36'
const firefoxOnAndroid = 'Mozilla/5.0 (Android 15; Mobile; rv:132.0) Gecko/132.0 Firefox/132.0'
const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0'

describe('who is told how to install by hand', () => {
  it.each([
    ['Safari on an iPhone', iphone, 5, 'safari-ios'],
    ['an iPad that calls itself a Mac', mac, 5, 'safari-ios'],
    ['Chrome on an iPhone', chromeOnIos, 5, 'other-ios'],
    ['Firefox on Android', firefoxOnAndroid, 5, 'firefox-android'],
    ['Safari on a Mac', mac, 0, 'safari-mac'],
    ['a Safari that cannot yet', oldMac, 0, null],
    ['Chrome on a Mac', chromeOnMac, 0, null],
    ['Chrome on Android', android, 5, null],
    ['Firefox on a desk', firefox, 0, null],
  ])('%s', (_, userAgent, maxTouchPoints, expected) =>
    expect(waysByHand({ userAgent, maxTouchPoints })).toBe(expected),
  )
})

describe('installing', () => {
  /** A window of `userAgent`, and the browser's side of it. */
  function browser({ userAgent = android, standalone = false } = {}) {
    const held = new Map<string, string>()
    const page = () => {
      const events = new EventTarget()
      const window = Object.assign(events, {
        matchMedia: () => ({ matches: standalone }),
        navigator: { userAgent, maxTouchPoints: 5 },
        localStorage: {
          getItem: (key: string) => held.get(key) ?? null,
          setItem: (key: string, value: string) => held.set(key, value),
        },
      }) as unknown as Window
      const offer = (outcome: 'accepted' | 'dismissed') =>
        events.dispatchEvent(
          Object.assign(new Event('beforeinstallprompt'), { prompt: async () => ({ outcome }) }),
        )
      return { install: createInstall(window), offer, events }
    }
    return { page }
  }

  it('is offered when the browser offers it, and done when the user agrees', async () => {
    const { install, offer } = browser().page()
    expect(install.state.get()).toBe('none')
    offer('accepted')
    expect(install.state.get()).toBe('offered')
    await install.ask()
    expect(install.state.get()).toBe('installed')
  })

  it('who has said no once is not asked again, and can still have it', async () => {
    const phone = browser()
    const first = phone.page()
    first.offer('dismissed')
    await first.install.ask()
    expect(first.install.state.get()).toBe('none')
    const second = phone.page()
    second.offer('accepted')
    expect(second.install.state.get()).toBe('declined')
    await second.install.ask()
    expect(second.install.state.get()).toBe('installed')
  })

  it('by the browser’s own menu is seen, too', () => {
    const { install, events } = browser().page()
    events.dispatchEvent(new Event('appinstalled'))
    expect(install.state.get()).toBe('installed')
  })

  it('by hand is told where it can be done, and not in the installed app', () => {
    const { state, byHand } = browser({ userAgent: iphone }).page().install
    expect([state.get(), byHand]).toEqual(['by-hand', 'safari-ios'])
    const installed = browser({ userAgent: iphone, standalone: true }).page().install
    expect([installed.state.get(), installed.byHand]).toEqual(['installed', null])
  })
})

describe('the name of the device worker', () => {
  it('carries an engine on, and nothing that does not look like one', () => {
    expect(workerName('?engine=tfjs-webgpu')).toBe('engine=tfjs-webgpu')
    expect(workerName('?engine=plain')).toBe('engine=plain')
    expect(workerName('?seed=7&engine=plain')).toBe('engine=plain&seed=7')
    expect(workerName('?seed=x')).toBe('kindred')
    expect(workerName('')).toBe('kindred')
    expect(workerName('?engine=../x')).toBe('kindred')
    expect(workerName('?engine=a%26b=c')).toBe('kindred')
  })
})
