import { expect, test } from 'playwright/test'
import { Person } from './person.ts'

test('the app’s own round runs on WebGPU when it is asked to', async ({ page }) => {
  const person = new Person(page)
  await person.visit('?engine=fused-webgpu&seed=1')
  await person.openItems(10)
  await person.goTo('My model')
  const round = page.getByTestId('round')
  await expect(round).toHaveAttribute('data-outcome', /committed|kept/, { timeout: 120_000 })
  await expect(round).toHaveAttribute('data-engine', 'fused-webgpu')
})
