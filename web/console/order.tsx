/** What is the same wherever an approved version goes to some devices: which there are, whom the rule hits, one press. */
import type { ComponentChildren } from 'preact'
import { taskVersionsSchema } from '../../shared/admin.ts'
import type { Rule } from '../../shared/release/rules.ts'
import { useHere, useLoaded } from './here.ts'
import { Field, Title, typed, WhenLoaded } from './parts.tsx'
import { type DraftRule, focusRule, ruleOf } from './releases/rule.tsx'
import { t } from './words/index.ts'

/** At least one version. */
export interface Approved {
  readonly tasks: readonly string[]
  /** The newest first. */
  versionsOf(task: string): readonly number[]
}

interface ViewProps {
  title: string
  children: (approved: Approved) => ComponentChildren
}

export function OrderView({ title, children }: ViewProps) {
  const { ask } = useHere()
  const found = useLoaded(() => ask(taskVersionsSchema, '/tasks'))
  return (
    <div class="panels">
      <Title>{title}</Title>
      <WhenLoaded of={found}>
        {({ versions }) => {
          const approved = versions.filter((one) => one.approved)
          if (approved.length === 0) return <p>{t.form.noneApproved}</p>
          return children({
            tasks: [...new Set(approved.map(({ name }) => name))].sort(),
            versionsOf: (task) => approved.filter(({ name }) => name === task).map(({ version }) => version),
          })
        }}
      </WhenLoaded>
    </div>
  )
}

interface FormProps {
  rule: DraftRule
  /** What is to be done once it is filled in. */
  submit: (rule: Rule) => void
  children: ComponentChildren
}

export const OrderForm = ({ rule, submit, children }: FormProps) => (
  <form
    class="panel form"
    onSubmit={(event) => {
      event.preventDefault()
      const read = ruleOf(rule)
      if ('rule' in read) submit(read.rule)
      else focusRule()
    }}
  >
    {children}
    <button type="submit" class="button primary">
      {t.form.try}
    </button>
  </form>
)

interface TaskFieldProps {
  of: Approved
  task: string
  change: (task: string) => void
}

export const TaskField = ({ of, task, change }: TaskFieldProps) => (
  <Field id="task" label={t.form.task}>
    {(field) => (
      <select {...field} value={task} {...typed(change)}>
        {of.tasks.map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
    )}
  </Field>
)
