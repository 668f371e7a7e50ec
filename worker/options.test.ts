import { expect, test } from 'vitest'
import { accountIn, engineIn, rootIn, seedIn, serverIn, signsIn, staticIn } from './options.ts'

test('a worker’s name can force an engine that exists, and nothing else', () => {
  expect(engineIn('engine=tfjs-webgpu')).toBe('tfjs-webgpu')
  expect(engineIn('engine=tfjs-cpu&x=1')).toBe('tfjs-cpu')
  for (const name of ['', 'kindred', 'engine=', 'engine=gpu', 'engine=__proto__'])
    expect(engineIn(name)).toBeUndefined()
})

test('a worker’s name can give a seed that is a number, and nothing else', () => {
  expect(seedIn('engine=plain&seed=7')).toBe(7)
  for (const name of ['', 'seed=', 'seed=-1', 'seed=1e9', 'seed=x']) expect(seedIn(name)).toBeUndefined()
})

test('a worker’s name can tell the server’s address, by HTTP only, and else it is where the worker is from', () => {
  const here = 'https://app.example'
  const named = (server: string) => serverIn(new URLSearchParams({ server }).toString(), here)
  expect(named('https://kindred.example')).toBe('https://kindred.example/')
  expect(named('http://localhost:8787/kindred')).toBe('http://localhost:8787/kindred/')
  for (const name of ['', '/api', 'javascript:alert(1)', 'data:,x', 'kindred'])
    expect(named(name)).toBe('https://app.example/')
  expect(serverIn('kindred', here)).toBe('https://app.example/')
})

test('a worker’s name can tell where a static host is, by HTTP only, also from where the worker is', () => {
  const named = (at: string) =>
    staticIn(new URLSearchParams({ static: at }).toString(), 'https://app.example')
  expect(named('/')).toBe('https://app.example/')
  expect(named('https://cdn.example/kindred')).toBe('https://cdn.example/kindred/')
  for (const at of ['javascript:alert(1)', 'data:,x', 'http://']) expect(named(at)).toBeUndefined()
  expect(staticIn('kindred', 'https://app.example')).toBeUndefined()
})

test('a worker’s name can tell whose data it is of, and that they sign in', () => {
  expect(accountIn(new URLSearchParams({ account: 'anna & ben' }).toString())).toBe('anna & ben')
  for (const name of ['', 'kindred', 'account=']) expect(accountIn(name)).toBeUndefined()
  expect(signsIn('signs-in=')).toBe(true)
  expect(signsIn('kindred')).toBe(false)
})

test('a worker’s name can tell which root of trust its server has, by its SHA-256, and nothing else', () => {
  const root = '0123456789abcdef'.repeat(4)
  expect(rootIn(`root=${root}`)).toBe(root)
  for (const name of ['', 'root=', 'root=1', `root=${root}0`, `root=${root.toUpperCase()}`])
    expect(rootIn(name)).toBeUndefined()
})
