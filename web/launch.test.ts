import { expect, it } from 'vitest'
import { followLaunches } from './launch.ts'

/** Where a window at `from` is after the home screen has asked for `targetURL`. */
function after(targetURL: string | undefined, from = '#/settings'): string {
  const location = { origin: 'https://app', href: `https://app/${from}`, hash: from }
  let consumer: (launch: { targetURL?: string }) => void = () => {}
  const launchQueue = {
    setConsumer(given: typeof consumer) {
      consumer = given
    },
  }
  followLaunches({ location, launchQueue } as unknown as Window)
  consumer(targetURL === undefined ? {} : { targetURL })
  return location.hash
}

it('a shortcut leads to its view; the app’s own icon leaves the view as it is; nobody else leads anywhere', () => {
  expect(after('https://app/#/my-model')).toBe('#/my-model')
  expect(after('https://app/#/')).toBe('#/')
  expect(after('https://app/')).toBe('#/settings')
  expect(after(undefined)).toBe('#/settings')
  expect(after('https://elsewhere/#/my-model')).toBe('#/settings')
  expect(() => followLaunches({} as Window)).not.toThrow()
})
