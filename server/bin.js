#!/usr/bin/env node
// The sources are TypeScript and stay so: tsx strips the types as they are loaded, in the main thread and in workers.
import { register } from 'tsx/esm/api'

register()
const { main } = await import('./cli/main.ts')
await main(process.argv)
