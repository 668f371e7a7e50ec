import type { Command } from 'commander'
import type { Cloud, TrainOptions } from '../cloud/cloud.ts'
import { type CommonOptions, wholeNumber, withCloud, withCommonOptions } from './common.ts'
import type { Report } from './report.ts'

/** Trains the global model and makes it the task that devices get. */
export async function train(
  cloud: Cloud,
  report: Report,
  options: Pick<TrainOptions, 'maxSamples' | 'epochs'> = {},
): Promise<void> {
  const { version, auc, logLoss, trained, available, epochs, seconds } = await cloud.train({
    ...options,
    progress: report.progress,
  })
  const share = trained < available ? `the newest ${trained} of ${available} samples` : `${trained} samples`
  report.say(`The global model, version ${version}, was trained on ${share}.`)
  report.metric({
    metric: 'train.auc',
    value: auc,
    unit: 'AUC',
    detail: { version, logLoss, trained, available, epochs, seconds },
  })
}

export function trainCommand(program: Command): void {
  withCommonOptions(
    program
      .command('train')
      .description('train the global model and release it to the devices')
      .option('--max-samples <n>', 'train on the newest n samples at most', wholeNumber(100))
      .option('--epochs <n>', 'passes over them at most', wholeNumber(1, 100)),
  ).action(({ maxSamples, epochs, ...options }: CommonOptions & { maxSamples?: number; epochs?: number }) =>
    withCloud(options, (cloud, report) =>
      train(cloud, report, { ...(maxSamples && { maxSamples }), ...(epochs && { epochs }) }),
    ),
  )
}
