import { expect, test } from './test.ts'

test('the app’s own round runs on WebGPU when it is asked to', async ({ person, page }) => {
  await person.visit('?engine=fused-webgpu&seed=1')
  await person.openItems(10)
  await person.goTo('My model')
  const round = page.getByTestId('round')
  await expect(round).toHaveAttribute('data-outcome', /committed|kept/, { timeout: 120_000 })
  await expect(round).toHaveAttribute('data-engine', 'fused-webgpu')
})
