import { expect, it } from 'vitest'
import { donorOf, mayReceive } from './donors.ts'
import { privacy, UNPROTECTED } from './settings.ts'

const DAY = 1000
const NOW = 50 * DAY
const settings = privacy({ donorAgeDays: 1, donorClicks: 5 })
const account = (age: number, sharing = true) => ({ since: NOW - age, sharing })

it.each([
  ['an account of yesterday with enough clicks', account(DAY), 5, 'ready'],
  ['one that is a moment younger', account(DAY - 1), 500, 'later'],
  ['one that is old and has clicked too little', account(40 * DAY), 4, 'never'],
  ['one that was imported, however little it clicked', { since: 0, sharing: true }, 0, 'ready'],
  ['one that does not share', account(40 * DAY, false), 500, 'never'],
  ['one that was imported and does not share', { since: 0, sharing: false }, 500, 'never'],
] as const)('%s gives samples: %4$s', (_, who, clicks, expected) => {
  expect(donorOf(who, clicks, NOW, DAY, settings)).toBe(expected)
})

it('without protection everybody gives who has not refused', () => {
  expect(donorOf(account(0), 0, NOW, DAY, UNPROTECTED)).toBe('ready')
  expect(donorOf(account(0, false), 0, NOW, DAY, UNPROTECTED)).toBe('never')
})

it('receiving needs no age unless the settings say so', () => {
  expect(mayReceive(account(0), NOW, DAY, privacy())).toBe(true)
  const patient = privacy({ receiverAgeDays: 2 })
  expect(mayReceive(account(2 * DAY - 1), NOW, DAY, patient)).toBe(false)
  expect(mayReceive(account(2 * DAY), NOW, DAY, patient)).toBe(true)
  expect(mayReceive({ since: 0 }, NOW, DAY, patient)).toBe(true)
})
