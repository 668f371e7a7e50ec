import { describe, expect, it } from 'vitest'
import { workerName } from './device.ts'
import { installsByHand } from './install.ts'

const iphone =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1'
const mac =
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15'
const chromeOnIos = iphone.replace('Version/18.0', 'CriOS/130.0.0.0')
const android =
  'Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36'

describe('who is told how to install by hand', () => {
  it.each([
    ['Safari on an iPhone', iphone, 5, false, true],
    ['an iPad that calls itself a Mac', mac, 5, false, true],
    ['a Mac', mac, 0, false, false],
    ['the installed app', iphone, 5, true, false],
    ['Chrome on an iPhone', chromeOnIos, 5, false, false],
    ['Chrome on Android', android, 5, false, false],
  ])('%s', (_, userAgent, maxTouchPoints, standalone, expected) =>
    expect(installsByHand({ userAgent, maxTouchPoints, standalone })).toBe(expected),
  )
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
