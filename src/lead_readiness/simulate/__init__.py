"""A simulated company whose truth is known: what should a score have said, given what could be seen?

How it comes about, all seeded, in days from 1 January 2025:

1. **Accounts** have an intent that moves from day to day as a Markov chain: away, awareness, interest, evaluation,
   ready, and back again; *gone* (chose somebody else) and *never* (students, applicants, competitors) are for good.
   Progress is slower in a long sales cycle and faster for an account that fits (industry and head count).
2. **People** of an account become leads one by one, up to six, the sooner the keener the account. On a day on which
   the account is ready, each of them opens an opportunity that will be won with a fixed chance, by seniority.
   How a lead first turned up says something about the intent of that day. (`company`, `history`)
3. **Events** are Poisson counts of some twenty kinds, by intent and seniority, over a common weekly and seasonal
   rhythm. Campaigns and newsletters go out on fixed days; opens, clicks and opt-outs follow intent. Webinar guests
   attend by intent. Some of it was seen before the lead had a name, some is recorded nights later, some twice; some
   gateways open every mail within seconds; a crawler reads hundreds of pages before dawn. (`events`)
4. **Sales** replays the rule book every Monday and takes the leads above its threshold, as many as there is room
   for; it calls and writes, and every second Monday keeps, returns (with a reason drawn from the true intent) or
   closes each of them. Marketing closes dead accounts now and then. None of it moves anybody's intent. (`sales`)
5. **The truth** is the exact forward filter over the hidden intent given all that was visible, not one bit more:
   late records count from the night they came, anonymous visits from the day of the name. (`kernel`, `truth`)

Nobody wins because of a hand-off, and the rule book is one that a sensible team would write.
"""

from lead_readiness.simulate.build import Company, simulate
from lead_readiness.simulate.write import write

__all__ = ["Company", "simulate", "write"]
