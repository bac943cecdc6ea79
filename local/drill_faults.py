"""The faults that `make drill` plants, one textual change each, and the tests that must catch it.

`old` stands exactly once in its file: when the code moves on, the drill says so, and the fault is planted anew by hand.
"""

from __future__ import annotations

from typing import NamedTuple

LEDGER = "chalicelib/ledger/"
TABLE = "tests/ledger/test_table.py::"
APPLY = "tests/ledger/test_apply.py::"
LAWS = "tests/ledger/test_apply_properties.py::"
BUDGET = "tests/ledger/test_shared_budget.py::"
INSIGHT = "chalicelib/insight/"
SPENDING = "chalicelib/spending/"
CANCEL = "tests/spending/test_cancel.py::"
COUPONS = "tests/spending/test_coupon_life.py::"
NIGHTS = "tests/insight/test_close_days.py::"
FINANCE = "tests/insight/test_finance_routes.py::"
HOLD = "tests/ledger/test_hold.py::"
CHECKOUT = "chalicelib/spending/checkout/"
CHECKOUT_TESTS = "tests/spending/test_checkout.py::"
EXCHANGE = "chalicelib/spending/exchange/"
EXCHANGE_TESTS = "tests/spending/test_exchange.py::"
EXCHANGE_AMOUNTS = "tests/spending/test_exchange_amounts.py::"
PARTNER = "tests/connect/test_partner.py::"
MERGED = "tests/ledger/test_merged_accounts.py::"
MIGRATION = "tests/members/test_migration.py::"
AUDIT = "tests/ledger/test_audit.py::test_what_was_planted_is_named"
ARRIVALS = "tests/earning/test_order_arrivals.py::test_news_of_orders_in_any_order_and_again_come_to_the_same_points"
THREADS = "tests/ledger/test_linearizable.py::test_what_threads_were_answered_is_one_history"
MODEL = "tests/ledger/test_state_machine.py::test_the_ledger_does_what_the_model_does[0]"


class Fault(NamedTuple):
    """One planted fault; `tests` are pytest node ids, of which one must fail."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


FAULTS = [
    Fault(
        "the account's version is not checked",
        LEDGER + "writes.py",
        '"version = :version"',
        '"version = :version OR attribute_exists(pk)"',
        ("tests/ledger/test_expire.py::test_expiry_and_a_credit_at_once_lose_nothing",),
    ),
    Fault(
        "the guard is written over whatever stands there",
        LEDGER + "writes.py",
        'Row("guard", _versioned_put(ledger, item, guard.version if guard else 0))',
        'Row("guard", {"Put": {"TableName": ledger, "Item": encode_item(item)}})',
        (TABLE + "test_two_members_cannot_both_own_a_guarded_cause[moto]",),
    ),
    Fault(
        "an entry may be written twice under its key, as if a request token were enough",
        LEDGER + "writes.py",
        '"ConditionExpression": "attribute_not_exists(pk)",',
        '"ConditionExpression": "attribute_not_exists(pk) OR attribute_exists(pk)",',
        (TABLE + "test_the_same_cause_again_returns_the_first_receipt[moto]",),
    ),
    Fault(
        "the budget's condition is dropped",
        LEDGER + "writes.py",
        '"attribute_not_exists(spent) OR spent <= :room"',
        '"attribute_not_exists(spent) OR spent <= :room OR spent > :room"',
        (BUDGET + "test_a_budget_pays_while_a_shard_has_room_and_then_refuses_clearly[moto]",),
    ),
    Fault(
        "the budget's room forgets the draw itself",
        LEDGER + "writes.py",
        "budget.share_points(shard) - budget.points",
        "budget.share_points(shard) - 1",
        (MODEL,),
    ),
    Fault(
        "a lost race is retried with the old decision",
        LEDGER + "table.py",
        "        posting = decide(seen)\n        if posting.before",
        "        run.posting = posting = getattr(run, 'posting', None) or decide(seen)\n        if posting.before",
        (TABLE + "test_of_two_writers_who_read_the_same_account_both_are_booked_one_after_the_other[moto]", MODEL),
    ),
    Fault(
        "a lost race takes over the winner's version but not his balance",
        LEDGER + "writes.py",
        "                return account_of(reason.item)\n",
        "                return known._replace(version=account_of(reason.item).version)\n",
        (MODEL,),
    ),
    Fault(
        "conflict and throttling among the reasons are swallowed",
        LEDGER + "writes.py",
        'LOST = frozenset({"ConditionalCheckFailed", "TransactionConflict", "ThrottlingError", '
        '"ProvisionedThroughputExceeded"})',
        'LOST = frozenset({"ConditionalCheckFailed"})',
        ("tests/ledger/test_conflicts.py::test_a_conflict_on_the_account_beside_a_standing_entry_is_judged_again",),
    ),
    Fault(
        "a member's account is remembered from the last look",
        LEDGER + "table.py",
        "        return self.see(member_id).account\n",
        "        return self.__dict__.setdefault(member_id, self.see(member_id).account)\n",
        (THREADS,),
    ),
    Fault(
        "a lost race takes over the winner's number of versions but not of entries",
        LEDGER + "writes.py",
        "                return account_of(reason.item)\n",
        "                return account_of(reason.item)._replace(sequence=known.sequence)\n",
        (THREADS,),
    ),
    Fault(
        "an entry of another operation is taken for one's own receipt",
        LEDGER + "table.py",
        "        if not lost.race():\n",
        "        if True:\n",
        (TABLE + "test_an_expiry_that_another_operation_books_first_is_not_taken_for_ones_own_receipt[moto]",),
    ),
    Fault(
        "a refusal is answered before the first success is looked for",
        LEDGER + "table.py",
        "            if standing is None:\n                raise\n",
        "            if True:\n                raise\n",
        (TABLE + "test_a_refusal_is_answered_only_when_the_cause_has_no_entry[moto]", MODEL),
    ),
    Fault(
        "the same key with other input passes for a repeat",
        LEDGER + "table.py",
        "    if standing.cause.input_hash != input_hash:\n",
        "    if False:\n",
        (TABLE + "test_the_same_cause_with_other_input_is_refused[moto]", MODEL),
    ),
    Fault(
        "a bucket ends in the first instant of its last day",
        LEDGER + "buckets.py",
        "return bucket_key(business_on, PointsClass.CONSUMPTION)[:3]",
        "return bucket_key(business_on + timedelta(days=1), PointsClass.CONSUMPTION)[:3]",
        (APPLY + "test_points_are_spendable_through_the_last_millisecond_of_their_last_day",),
    ),
    Fault(
        "the business date is the date in UTC",
        LEDGER + "model.py",
        "return at.astimezone(_zone(zone)).date()",
        "return at.astimezone(UTC).date()",
        (LAWS + "test_a_point_can_be_spent_on_its_last_day_in_the_programmes_zone_and_on_no_day_after",),
    ),
    Fault(
        "a later event takes the account back in time",
        LEDGER + "work.py",
        "max(now, account.posted_at) if account.posted_at else now",
        "now",
        (APPLY + "test_an_account_never_goes_back_in_time", MODEL),
    ),
    Fault(
        "the latest bucket is spent first",
        LEDGER + "buckets.py",
        "return sorted(buckets, key=lambda key: (key[:3], rank[key[3]]))",
        "return sorted(buckets, key=lambda key: (key[:3], rank[key[3]]), reverse=True)",
        (LAWS + "test_spending_empties_every_earlier_bucket_before_it_touches_a_later_one",),
    ),
    Fault(
        "the programme's order of classes is ignored",
        LEDGER + "buckets.py",
        "return sorted(buckets, key=lambda key: (key[:3], rank[key[3]]))",
        "return sorted(buckets, key=lambda key: (key[:3], -rank[key[3]]))",
        (LAWS + "test_spending_empties_every_earlier_bucket_before_it_touches_a_later_one", MODEL),
    ),
    Fault(
        "an empty bucket stays",
        LEDGER + "work.py",
        "                del mine[key]\n",
        "                mine[key] = 0\n",
        (APPLY + "test_spending_takes_the_earliest_bucket_first_and_the_entry_lists_what_it_took", MODEL),
    ),
    Fault(
        "what the member owes is not paid by what comes in",
        LEDGER + "work.py",
        "        if not self.deficit_points:\n",
        "        if True:\n",
        (MODEL,),
    ),
    Fault(
        "a frozen member may spend",
        LEDGER + "work.py",
        "        if self.frozen:\n",
        "        if False:\n",
        (MODEL,),
    ),
    Fault(
        "what is counted is not written",
        LEDGER + "work.py",
        "            self.counters = counted(self.counters, counts)\n",
        "            pass\n",
        (MODEL,),
    ),
    Fault(
        "a hold is no activity",
        LEDGER + "work.py",
        "frozenset({Kind.EARN, Kind.REDEEM, Kind.HOLD, Kind.CAPTURE})",
        "frozenset({Kind.EARN, Kind.REDEEM})",
        (MODEL,),
    ),
    Fault(
        "the due date leaves the index as soon as its bucket is spent",
        LEDGER + "work.py",
        "        if not is_final and account.due_on and (due is None or account.due_on < due):\n",
        "        if False:\n",
        (APPLY + "test_an_operation_moves_the_due_date_only_earlier_and_the_worker_puts_it_right",),
    ),
    Fault(
        "an operation moves the due date later than the next bucket's end",
        LEDGER + "buckets.py",
        "    return last_on + timedelta(days=1) if last_on else None\n\n\ndef spend_order",
        "    return last_on + timedelta(days=2) if last_on else None\n\n\ndef spend_order",
        (MODEL,),
    ),
    Fault(
        "pending points are not listed under their day",
        LEDGER + "items.py",
        "    elif activate_on:\n",
        "    elif False:\n",
        (MODEL,),
    ),
    Fault(
        "a refund takes more than its credit gave",
        LEDGER + "pending.py",
        "    points = min(points, credit.points - credit.reversed_points)\n",
        "    points = min(points, credit.points)\n",
        (MODEL,),
    ),
    Fault(
        "a refund takes points twice whose bucket has ended",
        LEDGER + "apply.py",
        "    elif has_ended(\n",
        "    elif False and has_ended(\n",
        (APPLY + "test_a_refund_after_the_bucket_has_ended_takes_nothing_twice", MODEL),
    ),
    Fault(
        "waived points are dropped in silence",
        LEDGER + "apply.py",
        '        facts["waived_points"] = waived\n',
        "        pass\n",
        (LAWS + "test_whatever_is_taken_back_is_taken_waived_kept_back_or_owed",),
    ),
    Fault(
        "an activated credit stays pending and is activated again",
        LEDGER + "pending.py",
        "credit._replace(pending_points=0, bucket=bucket, activate_on=None, credited_on=credited_on)",
        "credit._replace(bucket=bucket)",
        (MODEL,),
    ),
    Fault(
        "a change of pending points counts against nobody's day",
        LEDGER + "pending.py",
        'also=count(credit.pending_points - (points if change == "adjust" else 0)),',
        "also=(),",
        ("tests/ledger/test_pending_routes.py::test_a_credit_larger_than_a_day_is_lowered_in_steps", MODEL),
    ),
    Fault(
        "a resolved hold keeps its points and can be resolved again",
        LEDGER + "release.py",
        "    return hold._replace(taken={}, release_at=None, ",
        "    return hold._replace(",
        (HOLD + "test_a_hold_is_captured_once_and_cannot_be_released_after[moto]", MODEL),
    ),
    Fault(
        "a hold is captured after its deadline",
        LEDGER + "hold.py",
        "        if is_overdue(known, now):\n",
        "        if False:\n",
        (MODEL,),
    ),
    Fault(
        "a hold is over only after the instant of its deadline",
        LEDGER + "release.py",
        "guard.release_at <= now",
        "guard.release_at < now",
        (MODEL,),
    ),
    Fault(
        "too few points is answered without looking for what is due",
        LEDGER + "due.py",
        "        if refusal.code is not Code.INSUFFICIENT_POINTS or not _book_due(judged[0], ledger, terms, now):\n",
        "        if True:\n",
        (MODEL,),
    ),
    Fault(
        "overdue holds are not looked for before a refusal",
        LEDGER + "due.py",
        "            release_overdue(account.member_id, guard.key, ledger=ledger, terms=terms, now=now)\n",
        "            pass\n",
        (MODEL,),
    ),
    Fault(
        "a balance leaves out what is due",
        LEDGER + "due.py",
        "            account = posting.account\n",
        "            pass\n",
        (MODEL,),
    ),
    Fault(
        "what was spent is restored twice",
        LEDGER + "redeem.py",
        '"spent": kept, "restored"',
        '"spent": spent, "restored"',
        (MODEL,),
    ),
    Fault(
        "one restoring is booked again under another instant",
        LEDGER + "redeem.py",
        '"restored": {**restored, restore_id: stamp(now)}',
        '"restored": restored',
        (MODEL,),
    ),
    Fault(
        "the earliest points come back first",
        LEDGER + "redeem.py",
        "reversed(spend_order(spent, terms.class_order))",
        "spend_order(spent, terms.class_order)",
        (MODEL,),
    ),
    Fault(
        "points come back to another bucket than their own",
        LEDGER + "apply.py",
        "        kept_key = key\n",
        "        kept_key = max(work.buckets, default=key)\n",
        (MODEL,),
    ),
    Fault(
        "points that come back on their last day are given grace",
        LEDGER + "apply.py",
        "ended_on < work.today_on and work.terms.grace_days",
        "ended_on <= work.today_on and work.terms.grace_days",
        (APPLY + "test_points_come_back_into_their_bucket_through_its_last_day_and_with_grace_from_the_day_after",),
    ),
    Fault(
        "a transfer writes only the sender's side",
        LEDGER + "writes.py",
        '            self._put_account("other", sealed_other)\n',
        "",
        (MODEL,),
    ),
    Fault(
        "the chain is not linked",
        LEDGER + "chain.py",
        "        last_hash = found\n",
        "",
        (MODEL,),
    ),
    Fault(
        "a refund is judged as if it were the order's only one",
        "chalicelib/earning/take_back.py",
        "after = ordered_of(order, paid, known, terms.zone)",
        "after = ordered_of(order, paid, [refund], terms.zone)",
        (ARRIVALS,),
    ),
    Fault(
        "an order is credited by the terms of the day it is heard of",
        "chalicelib/earning/settle_order.py",
        "            settled = _credited(order, paid, received_at, seen, _terms_at(book, paid.paid_at))\n",
        "            settled = _credited(order, paid, received_at, seen, _terms_at(book, received_at))\n",
        (ARRIVALS,),
    ),
    Fault(
        "points are computed in floating point",
        "chalicelib/programme/rules/per_amount.py",
        "whole, rest = divmod(base_fen * self.points, self.fen)",
        "whole, rest = int(base_fen / self.fen * self.points + 0.5), 0",
        ("tests/programme/test_per_amount.py::test_the_rest_is_rounded_by_name",),
    ),
    Fault(
        "the auditor believes every hash",
        LEDGER + "audit.py",
        "    if entry.hash != found_hash:\n",
        "    if False:\n",
        (AUDIT + "[entry_changed]",),
    ),
    Fault(
        "the auditor does not look who owns an order",
        LEDGER + "audit.py",
        '    if member_id == guard.get("member_id") or member_id in merged:\n',
        "    if True:\n",
        (AUDIT + "[order_given_to_another]",),
    ),
    Fault(
        "migration: what batches lose by rounding is not given back",
        "chalicelib/members/conversion.py",
        "+= missing",
        "+= 0",
        (MIGRATION + "test_a_ratio_rounds_the_member_down_once_and_gives_the_rest_to_the_largest_batch",),
    ),
    Fault(
        "migration: another content of an open account passes as a repeat",
        LEDGER + "opening.py",
        "        input_hash=digest(content),\n",
        "",
        ("tests/members/test_migrate.py::test_another_content_is_refused_for_that_member_alone",),
    ),
    Fault(
        "migration: an account is opened without its member",
        "chalicelib/members/migrate.py",
        "._replace(also=also)",
        "",
        ("tests/members/test_migrate.py::test_a_buyer_who_is_bound_already_keeps_his_member_and_nothing_is_half_done",),
    ),
    Fault(
        "migration: a member brought over is paid for registering",
        "chalicelib/earning/session_opened.py",
        "    if account.joined_on is None:\n",
        "    if True:\n",
        ("tests/earning/test_session_opened.py::test_an_account_that_knows_since_when_asks_for_no_registration[moto]",),
    ),
    Fault(
        "the daybook counts days in London",
        INSIGHT + "line.py",
        "posted_on=business_on(entry.posted_at, zone),",
        'posted_on=business_on(entry.posted_at, "UTC"),',
        ("tests/insight/test_record_entries.py::test_shanghais_midnight_divides_the_days_not_londons",),
    ),
    Fault(
        "the daybook forgets lines that come late",
        INSIGHT + "model.py",
        'return self.token != (self.seen or "") or self.seen is None',
        "return self.seen is None",
        (NIGHTS + "test_a_record_that_comes_late_is_summed_and_the_closings_after_it_are_set_anew",),
    ),
    Fault(
        "the daybook does not set later closings anew",
        INSIGHT + "close_days.py",
        "closing = followed(before, day.on, day.changes)\n",
        "closing = standing[day.on].closing if day.on in standing else followed(before, day.on, day.changes)\n",
        (NIGHTS + "test_a_record_that_comes_late_is_summed_and_the_closings_after_it_are_set_anew",),
    ),
    Fault(
        "the daybook sees no gap between lines",
        INSIGHT + "totals.py",
        "if last is not None and line.sequence != last[0] + 1:",
        "if False:",
        (NIGHTS + "test_a_missing_line_is_logged_and_forgotten_once_it_came",),
    ),
    Fault(
        "the daybook marks days as summed before their closings are set",
        INSIGHT + "close_days.py",
        "        self.summed.append(Mark(day.on, self._token(day.on), day.seen, problems))\n",
        "        self.table.mark_summed(day.on, day.seen, problems)\n"
        "        self.summed.append(Mark(day.on, self._token(day.on), day.seen, problems))\n",
        (NIGHTS + "test_a_night_cut_off_in_its_midst_is_done_again",),
    ),
    Fault(
        "a month opens with something else than the month before closed with",
        INSIGHT + "close_month.py",
        "if before is not None and before.statement.closing != stood:",
        "if False:",
        (FINANCE + "test_a_closed_month_that_changed_is_logged_and_stops_the_next_one",),
    ),
    Fault(
        "who closed a month reopens it",
        INSIGHT + "close_month.py",
        "    if closed.by == by:\n",
        "    if False:\n",
        (FINANCE + "test_another_person_reopens_the_newest_month_and_leaves_a_trace",),
    ),
    Fault(
        "a month closes although the one before was just opened",
        INSIGHT + "table.py",
        "            writes.append(self._absent(key))\n",
        "            _ = key\n",
        (FINANCE + "test_a_closing_and_a_reopening_at_once_cannot_both_be",),
    ),
    Fault(
        "of two writers of a member's milestones the second loses what it brought",
        INSIGHT + "keep_milestones.py",
        "            if row == kept.milestones or table.put_row(member_id, row, kept):\n",
        "            if row == kept.milestones or [table.put_row(member_id, row, kept)]:\n",
        ("tests/insight/test_milestones.py::test_of_two_writers_at_once_neither_loses_what_it_brought",),
    ),
    Fault(
        "a further award of an order counts as another order",
        INSIGHT + "milestones.py",
        " and FURTHER_AWARD not in line.entry",
        "",
        ("tests/insight/test_milestones.py::test_a_further_award_of_one_order_is_no_second_order",),
    ),
    Fault(
        "a stage that was skipped is not passed with the one after it",
        INSIGHT + "stages.py",
        "        found.append(later)\n",
        "        found.append(on)\n",
        ("tests/insight/test_stages.py::test_a_stage_that_was_skipped_is_passed_with_the_one_after_it",),
    ),
    Fault(
        "the old id of who was merged is not followed",
        LEDGER + "table.py",
        "        return self._followed(seen) if is_closed else seen\n",
        "        return seen\n",
        (MERGED + "test_both_ids_show_the_survivors_balance",),
    ),
    Fault(
        "who loses to a merge decides on the closed account",
        LEDGER + "table.py",
        "                run.seen = self._followed(run.seen)\n",
        "                pass\n",
        (MERGED + "test_a_posting_of_the_old_account_that_comes_too_late_lands_at_the_survivors",),
    ),
    Fault(
        "a cause is booked again for the survivor",
        LEDGER + "table.py",
        "        if posting.guard is not None or not account.merged:\n",
        "        if True:\n",
        (MERGED + "test_a_guardless_cause_that_was_booked_for_the_old_account_is_its_first_receipt",),
    ),
    Fault(
        "pending points that came after the guards were read are merged without their class",
        LEDGER + "merge.py",
        "            if closing.version != account.version:\n",
        "            if False:\n",
        (MERGED + "test_pending_points_that_come_while_it_merges_are_merged_with_their_class",),
    ),
    Fault(
        "a debt is forgotten in a merge",
        LEDGER + "closing.py",
        "        deficit = left.deficit_points - repaid\n",
        "        deficit = 0\n",
        ("tests/ledger/test_merge.py::test_nothing_is_lost_or_made_and_the_entries_alone_make_both_accounts",),
    ),
    Fault(
        "an identity bound while two members merge stays with the closed one",
        "chalicelib/members/merge_writes.py",
        'f"{CURRENT} AND identity_count = :count"',
        'f"{CURRENT} AND identity_count <= :count + :count"',
        ("tests/members/test_merge_members.py::test_an_identity_that_is_bound_while_they_merge_is_not_left_behind",),
    ),
    Fault(
        "a redemption is cancelled at whatever version it stands",
        SPENDING + "mall/table.py",
        """            "Item": encode_item(redemption_item(one)),
            "ConditionExpression": "version = :before",
""",
        """            "Item": encode_item(redemption_item(one)),
            "ConditionExpression": "version = :before OR attribute_exists(pk)",
""",
        (CANCEL + "test_sent_and_given_up_at_once_has_one_outcome",),
    ),
    Fault(
        "a used coupon goes back with its redemption",
        SPENDING + "goods/coupon_life.py",
        '        raise JifenError(Code.COUPON_STATE, f"优惠券{coupon.code}已使用,不能作废或退回")\n',
        "        pass\n",
        (CANCEL + "test_unused_coupons_go_back_and_a_used_one_keeps_the_whole_redemption",),
    ),
    Fault(
        "what is cancelled does not come back to the stock",
        SPENDING + "mall/cancel.py",
        "    if pieces := _pieces_back(found, wish):\n",
        "    if pieces := 0:\n",
        (CANCEL + "test_until_it_has_left_a_member_gives_it_up_and_has_all_as_before[ship]",),
    ),
    Fault(
        "an order that was cancelled uses its coupon again",
        SPENDING + "goods/coupon_life.py",
        "    if order.key in coupon.returned:\n",
        "    if False:\n",
        (COUPONS + "test_in_whatever_order_news_come_one_order_has_it_and_no_cancelled_one",),
    ),
    Fault(
        "a coupon can be used the day after its last",
        SPENDING + "goods/coupon_life.py",
        "    if on > coupon.until_on:\n",
        "    if on > coupon.until_on + timedelta(days=1):\n",
        (COUPONS + "test_it_can_be_used_through_the_last_second_of_its_last_business_day",),
    ),
    Fault(
        "wrong pick-up codes are counted after they were judged",
        SPENDING + "mall/pick_up.py",
        "    tries.claim(subjects, now)\n    _require_code(mall.redemption(redemption_id), code)\n",
        "    _require_code(mall.redemption(redemption_id), code)\n    tries.claim(subjects, now)\n",
        ("tests/spending/test_pick_up.py::test_many_wrong_codes_at_once_are_five_all_the_same",),
    ),
    Fault(
        "the auditor does not look at a pool's free codes",
        SPENDING + "audit.py",
        "            if is_pool and self.left[stock] != free:\n",
        "            if False:\n",
        ("tests/spending/test_audit.py::test_what_was_planted_is_named[a_pool_counts_wrong]",),
    ),
    Fault(
        "a quote of the checkout is taken up after it has ended",
        CHECKOUT + "deduct.py",
        "        if now >= quote.expires_at:\n",
        "        if False:\n",
        (CHECKOUT_TESTS + "test_a_quote_is_taken_up_once_and_only_within_ten_minutes",),
    ),
    Fault(
        "an order is paid for with points twice",
        CHECKOUT + "table.py",
        '"ConditionExpression": "attribute_not_exists(pk)",',
        '"ConditionExpression": "attribute_not_exists(pk) OR attribute_exists(pk)",',
        (CHECKOUT_TESTS + "test_an_order_is_paid_for_with_points_once",),
    ),
    Fault(
        "a line's points come back by what each refund alone comes to",
        CHECKOUT + "deducted.py",
        "points = points_back(share, now.fen) - points_back(share, before.fen)",
        "points = points_back(share, now.fen - before.fen)",
        (CHECKOUT_TESTS + "test_a_line_of_several_pieces_is_refunded_piece_by_piece",),
    ),
    Fault(
        "what the order feed tells is given back beside what the shop asked for",
        CHECKOUT + "refund.py",
        "        if standing := deducted.refunds.get(named.refund_no):\n",
        "        if (standing := deducted.refunds.get(named.refund_no)) and not isinstance(named, ToldRefund):\n",
        (CHECKOUT_TESTS + "test_a_refund_that_the_order_feed_tells_gives_back_once_whatever_the_shop_has_asked_for",),
    ),
    Fault(
        "a partner's silence is taken for a no",
        EXCHANGE + "settle_exchange.py",
        "        return _later(found, type(silence).__name__, desk, now)\n",
        "        return settle(found, Said(Word.VOIDED, type(silence).__name__), desk=desk, now=now)\n",
        (EXCHANGE_TESTS + "test_a_lost_answer_leaves_it_in_process_and_the_sweep_ends_it_once[timeout_after]",),
    ),
    Fault(
        "a partner is asked to do what is a day old, and not to void it",
        EXCHANGE + "settle_exchange.py",
        "    if now >= found.void_from_at:\n",
        "    if False:\n",
        (EXCHANGE_TESTS + "test_nothing_is_given_up_before_the_partner_says_that_it_never_will",),
    ),
    Fault(
        "what a partner did after the hold had ended costs nothing",
        EXCHANGE + "settle_exchange.py",
        "        return charge(given, desk=desk, now=now)\n",
        "        desk.exchanges.write((desk.exchanges.changed(given),))\n        return given\n",
        (EXCHANGE_TESTS + "test_what_was_done_though_its_hold_had_ended_is_charged_anew",),
    ),
    Fault(
        "a refused exchange goes on counting against its day",
        EXCHANGE + "settle_exchange.py",
        "    also = (desk.exchanges.changed(ended), *_counted_down(found, desk, now))\n",
        "    also = (desk.exchanges.changed(ended),)\n",
        (EXCHANGE_TESTS + "test_refused_gives_points_and_limits_back[limit]",),
    ),
    Fault(
        "points that no unit needs are taken all the same",
        EXCHANGE + "partner.py",
        "Amounts(-(-units * ratio.points // ratio.units), units)",
        "Amounts(stepped, units)",
        (
            EXCHANGE_AMOUNTS
            + "test_whatever_is_asked_for_no_unit_is_given_for_too_few_points_and_no_point_is_taken_for_none",
        ),
    ),
    Fault(
        "whoever answers for a partner is believed",
        "chalicelib/connect/partner/api.py",
        "        self._require_own(reply, nonce, asked.id)\n",
        "",
        (EXCHANGE_TESTS + "test_an_answer_that_is_not_the_partners_own_is_none[unsigned]",),
    ),
    Fault(
        "a partner's answer to another question is believed",
        "chalicelib/connect/partner/signing.py",
        "return signed.nonce == nonce",
        "return bool(signed.nonce)",
        (PARTNER + "test_what_is_not_the_partners_own_answer_to_this_question_is_none[anothers nonce]",),
    ),
    Fault(
        "an item goes on sale before its campaign's phase",
        SPENDING + "mall/shelf.py",
        "    is_timed = bool(item.windows or item.phases)\n",
        "    is_timed = bool(item.windows)\n",
        ("tests/spending/test_campaigns.py::test_an_item_is_on_sale_in_the_phases_that_it_follows",),
    ),
    Fault(
        "a member's tags are judged when he is quoted and not when he redeems",
        SPENDING + "mall/sale.py",
        "tags_for(whos([sale]), account, desk), desk=desk, on=on",
        "frozenset(item.who.tags), desk=desk, on=on",
        ("tests/spending/test_tagged.py::test_who_loses_the_tag_after_the_quote_gets_nothing_and_pays_nothing",),
    ),
    Fault(
        "a coupon is paid for and not given",
        SPENDING + "mall/settle_payment.py",
        "        also=(*desk.mall.revised(goes_on, line), *handed.also),\n",
        "        also=(*desk.mall.revised(goes_on, line),),\n",
        ("tests/spending/test_cash_goods.py::test_a_coupon_is_given_when_it_is_paid_and_not_before",),
    ),
    Fault(
        "a closed store hands out",
        SPENDING + "mall/deliver.py",
        "    known = stores.known(delivery.store, now)\n",
        "    known = stores.known(delivery.store, now)\n    known = known and known._replace(is_on=True)\n",
        ("tests/spending/test_stores.py::test_a_pick_up_names_a_store_that_is_on",),
    ),
]
