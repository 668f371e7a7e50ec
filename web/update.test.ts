import { expect, it } from 'vitest'
import { betweenRounds } from './update.ts'

/** The Web Locks of a browser, as far as one name goes: each waits for the one before. */
function locks() {
  const order: string[] = []
  let last: Promise<unknown> = Promise.resolve()
  const request = (name: string, work: () => Promise<unknown>) => {
    last = last.then(() => {
      order.push(name)
      return work()
    })
    return last
  }
  return { order, request: request as unknown as LockManager['request'] }
}

it('an update waits for the round that runs, in whichever tab, and none begins before the page is gone', async () => {
  const browser = locks()
  const events: string[] = []
  let endRound = () => {}
  const round = new Promise<void>((done) => {
    endRound = done
  })
  void browser.request('kindred:round', () => round)
  let giveUp = () => {}
  const update = betweenRounds(
    () => events.push('reload'),
    browser,
    (act) => {
      giveUp = act
    },
  )
  void browser.request('kindred:round', async () => void events.push('next round'))
  await new Promise((resolve) => setTimeout(resolve))
  expect(events).toEqual([])
  endRound()
  await new Promise((resolve) => setTimeout(resolve))
  expect(events).toEqual(['reload'])
  giveUp() // the new version did not come
  await update
  await new Promise((resolve) => setTimeout(resolve))
  expect(events).toEqual(['reload', 'next round'])
})

it('without locks it is made at once', () => {
  const events: string[] = []
  void betweenRounds(
    () => events.push('reload'),
    undefined,
    () => {},
  )
  expect(events).toEqual(['reload'])
})
