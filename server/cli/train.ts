import { type Command, Option } from 'commander'
import { type PresetName, presetNames } from '../../shared/hyper.ts'
import type { Cloud, TrainOptions } from '../cloud/cloud.ts'
import { type CommonOptions, wholeNumber, withCloud, withCommonOptions } from './common.ts'
import type { Report } from './report.ts'

type TrainChoices = Pick<TrainOptions, 'maxSamples' | 'epochs' | 'threads' | 'factors' | 'preset'>

interface PresetChoice {
  hyper?: PresetName
}
const presetOption = (): Option =>
  new Option(
    '--hyper <name>',
    'how devices learn from now on: coda, as in the paper, or kindred, our own best on films, with item factors; without it as before, which is coda at first',
  ).choices(presetNames)

/** Trains the global model and makes it the task that devices get. */
export async function train(cloud: Cloud, report: Report, choices: TrainChoices = {}): Promise<void> {
  const { auc, ...detail } = await cloud.train({ ...choices, progress: report.progress })
  const { version, trained, available, resumedAt, ignored, preset } = detail
  if (ignored !== undefined) report.say(ignored)
  if (resumedAt > 0)
    report.say(`It went on where it was cut off, in pass ${1 + Math.floor(resumedAt / trained)}.`)
  const share = trained < available ? `the newest ${trained} of ${available} samples` : `${trained} samples`
  report.say(
    `The global model, version ${version}, was trained on ${share}; devices learn by the numbers of ${preset}.`,
  )
  report.metric({
    metric: 'train.auc',
    value: auc,
    unit: 'AUC',
    detail,
  })
}

export function trainCommand(program: Command): void {
  withCommonOptions(
    program
      .command('train')
      .description('train the global model and release it to the devices')
      .option('--max-samples <n>', 'train on the newest n samples at most', wholeNumber(100))
      .option('--epochs <n>', 'passes over them at most', wholeNumber(1, 100))
      .option('--factors <n>', 'learn item factors of so many dimensions beside it', wholeNumber(0, 32))
      .addOption(presetOption())
      .option('--threads <n>', 'threads to compute in; all cores if it is left out', wholeNumber(1, 1024)),
  ).action(
    ({ data, json, privacyFile, hyper: preset, ...numbers }: CommonOptions & PresetChoice & TrainChoices) =>
      withCloud({ data, json, privacyFile }, (cloud, report) => train(cloud, report, { ...numbers, preset })),
  )
}
