/** `kindred experiment …`: does learning on devices help, when, and what does it cost? One file a protocol in `experiment/`. */
import type { Command } from 'commander'
import { armsCommands } from './experiment/arms.ts'
import { ctrCommand } from './experiment/ctr.ts'
import { freshCommand } from './experiment/fresh.ts'
import { looCommand } from './experiment/loo.ts'

export function experimentCommand(program: Command): void {
  const experiment = program
    .command('experiment')
    .description(
      'arms against each other: on public data, by the device runtime itself (docs/experiments.md), or on devices (docs/tasks.md)',
    )
  for (const add of [ctrCommand, looCommand, freshCommand, armsCommands]) add(experiment)
}
