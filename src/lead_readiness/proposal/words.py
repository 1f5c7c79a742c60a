"""What names usually mean: columns of CRM exports, event kinds, stages of deals."""

from __future__ import annotations

import re
from typing import NamedTuple

from lead_readiness.project import Actor, Direction, Hold

_SYNONYMS = {
    "lead_id": (
        "lead_id leadid lead contact_id contactid person_id prospect_id mql_id vid hs_object_id "
        "record_id customer_id user_id userid who_id whoid uid id case_id email email_address visitor_id "
        "anonymous_id"
    ),
    "created_at": (
        "created_at createdate create_date created createddate created_date creation_date date_created "
        "registered_at first_contact_date first_seen signup_date signed_up_at first_conversion_date "
        "submitted_at"
    ),
    "account_id": (
        "account_id accountid company_id companyid associatedcompanyid organisation_id organization_id "
        "account company organisation organization company_domain domain"
    ),
    "occurred_at": (
        "occurred_at timestamp event_timestamp event_time event_at event_date datetime date_time time ts "
        "date activity_date activitydate activity_at sent_at happened_at original_timestamp created_at "
        "created createddate"
    ),
    "recorded_at": "recorded_at received_at ingested_at loaded_at synced_at fivetran_synced recorded",
    "kind": ("kind event_type event_kind event event_name eventtype activity_type type activity action name"),
    "value": "value amount duration seconds score quantity",
    "asset": (
        "asset page path url page_url page_path form form_name form_id campaign campaign_name "
        "campaign_id content asset_name subject"
    ),
    "event_id": "event_id eventid message_id messageid activity_id event_uuid uuid id",
    "outcome": (
        "outcome deal_stage dealstage stage stage_name stagename deal_status status result disposition "
        "is_won iswon won"
    ),
    "decided_at": (
        "decided_at closed_at close_date closedate closed outcome_at outcome_date decision_date decided "
        "won_at won_date closed_date hs_closed_date resolved_at"
    ),
    "opportunity_at": "opportunity_at opportunity_created_at opportunity_date opened_at engage_date",
    "amount": "amount deal_amount close_value deal_value revenue value amount_won",
    "reason": "reason closed_lost_reason lost_reason loss_reason close_reason return_reason",
    "handed_off_at": (
        "handed_off_at handoff_at handoff_date handed_over_at handover_date assigned_at assigned_date "
        "sql_at sql_date"
    ),
    "returned_at": "returned_at return_date recycled_at recycle_date rejected_at returned",
}
SYNONYMS = {column: tuple(names.split()) for column, names in _SYNONYMS.items()}

FILE_WORDS = {
    "leads": "lead contact prospect mql person people",
    "events": "event activit engagement track visit log click",
    "outcomes": "outcome deal opportunit closed pipeline won result",
    "handoffs": "handoff hand_off handover assignment routing",
}

OUTCOME_WORDS: dict[str, str] = {
    "disqualified": r"disqualif|unqualif|not_qualif|junk|spam|invalid|duplicate|not_a_lead|bad_fit|test",
    "lost": r"lost|(^|_)lose|declin|reject|refus|no_decision|cancel|abandon|dead|fail|^false$|^no$|^0$|withdrawn",
    "won": r"won|win$|success|convert|customer|accepted|signed|^true$|^yes$|^1$",
}

PERSONAL = (
    r"(^|_)(e?mail|phone|mobile|first_?name|last_?name|full_?name|surname|street|address|ip)(_|$)|^name$"
)


class Meaning(NamedTuple):
    """A suggestion for one event kind; ``sure`` when a word of the kind was known."""

    behaviour: str
    actor: Actor
    direction: Direction
    hold: Hold | None = None
    sure: bool = True


_KINDS: tuple[tuple[str, Meaning], ...] = (
    (r"unsubscri|opt_?out|gdpr", Meaning("email", "buyer", "down", "opt_out")),
    (r"complain|spam", Meaning("email", "buyer", "down", "complaint")),
    (r"bounce", Meaning("email", "system", "down", "bounce")),
    (
        r"(mail|newsletter|sms|message|campaign).*(sent|send|deliver|drop|defer|process)|^sent$|^delivered$",
        Meaning("email", "marketing", "none"),
    ),
    (
        r"ad_impression|impression|ad_view|advert|postcard|campaign_member",
        Meaning("campaign", "marketing", "none"),
    ),
    (
        r"won|lost|deal|opportunit|contract|invoice|proposal|quote_sent|closed",
        Meaning("sales", "sales", "none"),
    ),
    (
        r"sales|task|note|sdr|bdr|sequence|outreach|call|linkedin_touch|voicemail",
        Meaning("sales", "sales", "none"),
    ),
    (
        r"stage|lifecycle|owner|sync|import|merge|score|status|list_member|workflow|created|updated|assigned",
        Meaning("system", "system", "none"),
    ),
    (r"career|job|vacanc", Meaning("careers", "buyer", "down")),
    (r"open", Meaning("email", "buyer", "none")),
    (r"click", Meaning("email", "buyer", "up")),
    (r"pric|plans|quote|roi_calc", Meaning("pricing", "buyer", "up")),
    (
        r"webinar|conference|workshop|seminar|event_(attend|regist)|tradeshow|booth",
        Meaning("webinar", "buyer", "up"),
    ),
    (r"meeting|appointment|booked|calendar", Meaning("meeting", "buyer", "up")),
    (
        r"form|submi|request|contact_us|enquir|inquir|signup|sign_up|subscri|optin|opt_in",
        Meaning("form", "buyer", "up"),
    ),
    (
        r"demo|trial|login|log_in|product|feature|app_|usage|invite|integration|install",
        Meaning("product", "buyer", "up"),
    ),
    (
        r"blog|download|ebook|white_?paper|case_stud|content|article|video|guide|resource|docs|read|watch|podcast",
        Meaning("content", "buyer", "up"),
    ),
    (r"page|visit|view|session|web|search", Meaning("web", "buyer", "up")),
    (r"repl|respon|chat|social|comment|share", Meaning("conversation", "buyer", "up")),
    (r"mail|newsletter", Meaning("email", "buyer", "none")),
)
_UNKNOWN = Meaning("other", "buyer", "none", None, False)


def plain(name: str) -> str:
    """A name as lower-case words joined by underscores, without a connector's prefix.

    >>> plain("Lead ID"), plain("property_createdate"), plain("closedDate")
    ('lead_id', 'createdate', 'closed_date')
    """
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)
    return re.sub(r"\W+|_+", "_", spaced).strip("_").lower().removeprefix("property_")


def rank(column: str, name: str) -> float:
    """How usual ``name`` is for a column of the contract: 1 for its own name, less for later synonyms, 0 for none.

    >>> rank("created_at", "createdate") > rank("created_at", "first_seen") > rank("created_at", "colour")
    True
    """
    known = SYNONYMS.get(column, (column,))
    word = plain(name)
    return 1 - 0.5 * known.index(word) / len(known) if word in known else 0.0


def meaning(kind: str) -> Meaning:
    """The suggested behaviour, actor and direction of an event kind, by the words in it.

    >>> meaning("Pricing page viewed")
    Meaning(behaviour='pricing', actor='buyer', direction='up', hold=None, sure=True)
    >>> meaning("xyz").sure
    False
    """
    word = plain(kind)
    return next((found for pattern, found in _KINDS if re.search(pattern, word)), _UNKNOWN)


def outcome(value: str) -> str:
    """The contract's outcome that a deal's stage stands for, empty for one that is still open.

    >>> outcome("Closed Won"), outcome("closedlost"), outcome("Negotiation")
    ('won', 'lost', '')
    """
    word = plain(value)
    return next((name for name, pattern in OUTCOME_WORDS.items() if re.search(pattern, word)), "")
