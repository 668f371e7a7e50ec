import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MAX_COURSE } from '../../../shared/course.ts'
import { createCourse } from './course.ts'

const quality = (step: number) => ({ auc: 1 / (1 + step), loss: step })

test('of few points each is told', () => {
  const course = createCourse([{ step: 0, auc: 0.5, loss: 0.7 }])
  course.add(3, { auc: 0.6, loss: 0.6 })
  expect(course.points).toEqual([
    { step: 0, auc: 0.5, loss: 0.7 },
    { step: 3, auc: 0.6, loss: 0.6 },
  ])
})

test('of many the first and the last are told, and every n-th between, at least half as many as there may be', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3000 }), (count) => {
      const course = createCourse()
      for (let step = 0; step < count; step++) course.add(step, quality(step))
      const steps = course.points.map(({ step }) => step)
      expect(course.points).toEqual(steps.map((step) => ({ step, ...quality(step) })))
      expect(steps.length).toBeLessThanOrEqual(MAX_COURSE)
      expect(steps.length).toBeGreaterThanOrEqual(Math.min(count, MAX_COURSE / 2))
      expect([steps[0], steps.at(-1)]).toEqual([0, count - 1])
      const gaps = new Set(steps.slice(1, -1).map((step, i) => step - steps[i]!))
      expect(gaps.size, 'evenly').toBeLessThanOrEqual(1)
    }),
    { seed: 1 },
  )
})

test('one that was cut off goes on', () => {
  const whole = createCourse()
  for (let step = 0; step < 10; step++) whole.add(step, quality(step))
  const first = createCourse()
  for (let step = 0; step < 6; step++) first.add(step, quality(step))
  const second = createCourse(first.points)
  for (let step = 6; step < 10; step++) second.add(step, quality(step))
  expect(second.points).toEqual(whole.points)
})
