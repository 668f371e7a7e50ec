import { expect } from 'playwright/test'

/**
 * What the app says after everything was forgotten (in English): at the server no less than was `sent`, here no less than
 * there. It may be more on both sides: what somebody sees on their way to the button is an event too.
 */
export function expectForgotten(said: string, sent: number): void {
  const events = (place: string) =>
    Number(said.match(new RegExp(`Removed ${place}: (\\d+) events`))?.[1] ?? Number.NaN)
  expect(events('on the server'), said).toBeGreaterThanOrEqual(sent)
  expect(events('here'), said).toBeGreaterThanOrEqual(events('on the server'))
}
