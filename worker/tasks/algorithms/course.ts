/** How a training went, as the judge saw it: few enough points to be kept and drawn. */
import { MAX_COURSE, type Point } from '../../../shared/course.ts'
import type { Quality } from './watch.ts'

export interface Course {
  /** What the judge found after `step` mini-batches. */
  add(step: number, quality: Quality): void
  /** The first and the last of all that were added, and of those between every n-th, where all would be too many. */
  readonly points: Point[]
}

/** Goes on after `points`, which may have been thinned before. */
export function createCourse(points: readonly Point[] = []): Course {
  let kept = points.slice(0, MAX_COURSE - 1)
  let last = points.at(-1)
  let stride = 1
  let count = kept.length
  return {
    add(step, { auc, loss }) {
      last = { step, auc, loss }
      if (count % stride === 0 && kept.length === MAX_COURSE - 1) {
        kept = kept.filter((_, i) => i % 2 === 0)
        stride *= 2
      }
      if (count % stride === 0) kept.push(last)
      count++
    },
    get points() {
      return last === undefined || kept.at(-1)?.step === last.step ? [...kept] : [...kept, last]
    },
  }
}
