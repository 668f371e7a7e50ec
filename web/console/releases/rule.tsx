/** Which devices: all, or those of a rule, which is said in words while it is written. */
import { toFailure } from '../../../shared/error.ts'
import { type Rule, readRule } from '../../../shared/release/rules.ts'
import { Choice } from '../../parts.tsx'
import { Field, typed } from '../parts.tsx'
import { whom } from '../sentences.ts'
import { t } from '../words/index.ts'

/** As it stands in the form. */
export interface DraftRule {
  readonly by: 'everyone' | 'rule'
  readonly text: string
}
export const NO_RULE: DraftRule = { by: 'everyone', text: '{"platform": ["android"]}' }

/** Where a rule that does not fit is to be put right. */
export const focusRule = (): void => document.getElementById('rule-text')?.focus()

export function ruleOf({ by, text }: DraftRule): { rule: Rule } | { wrong: string } {
  if (by === 'everyone') return { rule: { everyone: true } }
  try {
    return { rule: readRule(parsed(text), t.form.rule) }
  } catch (error) {
    return { wrong: toFailure(error).message }
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Error(t.form.notJson)
  }
}

interface RuleFieldProps {
  rule: DraftRule
  change: (rule: DraftRule) => void
}

export function RuleField({ rule, change }: RuleFieldProps) {
  const read = ruleOf(rule)
  return (
    <div class="field">
      <span aria-hidden="true">{t.form.rule}</span>
      <Choice
        name="rule-by"
        legend={t.form.rule}
        value={rule.by}
        options={[
          { value: 'everyone', text: t.form.everyone },
          { value: 'rule', text: t.form.byRule },
        ]}
        onChange={(by) => change({ ...rule, by })}
      />
      {rule.by === 'rule' && (
        <Field
          id="rule-text"
          label={t.form.ruleText}
          about={t.form.ruleAbout}
          wrong={'wrong' in read ? read.wrong : undefined}
        >
          {(field) => (
            <textarea
              {...field}
              rows={4}
              spellcheck={false}
              autocapitalize="off"
              value={rule.text}
              {...typed((text) => change({ ...rule, text }))}
            />
          )}
        </Field>
      )}
      {'rule' in read && (
        <p aria-live="polite" data-testid="rule">
          → {whom(read.rule)}
        </p>
      )}
    </div>
  )
}
