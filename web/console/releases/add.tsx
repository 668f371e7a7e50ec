import { useState } from 'preact/hooks'
import type { Rule } from '../../../shared/release/rules.ts'
import { useHere } from '../here.ts'
import { type Approved, OrderForm, OrderView, TaskField } from '../order.tsx'
import { Field, MomentField, momentIn, typed, VersionOptions } from '../parts.tsx'
import { t } from '../words/index.ts'
import { NO_RULE, RuleField } from './rule.tsx'
import { type DraftStage, StagesField, stagesOf } from './stages.tsx'

interface AddReleaseProps {
  /** What to begin with. */
  task?: string
  version?: number
}

/** A version that is approved goes to devices. */
export const AddRelease = (chosen: AddReleaseProps) => (
  <OrderView title={t.release.add}>{(approved) => <Form approved={approved} {...chosen} />}</OrderView>
)

function Form({ approved, task: first, version: number }: AddReleaseProps & { approved: Approved }) {
  const { propose } = useHere()
  const { tasks, versionsOf } = approved
  const [task, setTask] = useState(first !== undefined && tasks.includes(first) ? first : tasks[0]!)
  const [version, setVersion] = useState(`${number ?? ''}`)
  const [rule, setRule] = useState(NO_RULE)
  const [stages, setStages] = useState<readonly DraftStage[]>([{ percent: '5', from: '' }])
  const [until, setUntil] = useState('')
  const versions = versionsOf(task)
  const chosen = versions.includes(Number(version)) ? Number(version) : versions[0]!

  function submit(rule: Rule): void {
    const ends = momentIn(until)
    propose({
      title: t.ask.add.title(task, chosen),
      yes: t.ask.add.yes,
      change: {
        order: {
          ...{ type: 'release', task, version: chosen, rule, stages: stagesOf(stages) },
          ...(ends !== undefined && { until: ends }),
        },
      },
      done: () => {
        location.hash = '#/'
      },
    })
  }

  return (
    <OrderForm rule={rule} submit={submit}>
      <TaskField of={approved} task={task} change={setTask} />
      <Field id="version" label={t.form.version}>
        {(field) => (
          <select {...field} value={`${chosen}`} {...typed(setVersion)}>
            <VersionOptions versions={versions} />
          </select>
        )}
      </Field>
      <RuleField rule={rule} change={setRule} />
      <StagesField name="stages" stages={stages} change={setStages} />
      <MomentField id="until" label={t.form.until} value={until} change={setUntil} />
    </OrderForm>
  )
}
