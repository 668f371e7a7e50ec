import { describe, expect, it } from 'vitest'
import { diffHref, experimentHref, releaseHref, routeOf, taskHref } from './route.ts'

describe('the addresses of the console', () => {
  it.each([
    ['', { view: 'releases' }],
    ['#/', { view: 'releases' }],
    ['#/nothing', { view: 'releases' }],
    ['#/tasks/..%2f', { view: 'releases' }],
    ['#/tasks/rank/0/from/1', { view: 'releases' }],
    ['#/tasks', { view: 'tasks' }],
    [taskHref('rank'), { view: 'task', task: 'rank' }],
    [diffHref('rank', 3, 1), { view: 'diff', task: 'rank', newer: 3, older: 1 }],
    ['#/release', { view: 'add' }],
    [releaseHref('rank', 2), { view: 'add', task: 'rank', version: 2 }],
    ['#/devices', { view: 'devices' }],
    ['#/experiments', { view: 'experiments' }],
    ['#/experiments/new', { view: 'begin' }],
    [experimentHref(12), { view: 'experiment', id: 12 }],
    ['#/health', { view: 'health' }],
    ['#/ledger', { view: 'ledger' }],
    ['#/ledger/200', { view: 'ledger', to: 200 }],
  ])('%s', (hash, route) => expect(routeOf(hash)).toEqual(route))
})
