/**
 * Words that mean nearly the same on the phone, our own list: with a handful of examples, "what do you charge" must meet "how
 * much is it" although they share no word. A word may stand in several groups. Pure.
 */

/** One group a line; an entry of two words is a phrase. */
const GROUPS = `
how much, price, pricing, cost, charge, fee, expensive, cheap, quote, estimate, worth, afford
cheap, inexpensive, affordable, budget, bargain, discount, deal, sale, promotion, coupon, lowest
money, cash, dollars, bucks, funds, euros, pounds
pay, payment, paid, settle, paying
bill, invoice, statement, dues
balance, remaining, left, available
bank, account, checking, savings, deposit
card, credit, debit, visa, mastercard, amex, plastic
transfer, send, wire, move, forward
borrow, loan, lend, mortgage, finance, financing
interest, rate, apr, percent, percentage
owe, debt, due, outstanding
spend, spent, spending, expenses, purchase, purchases, transactions
buy, purchase, get, shop, order, shopping, acquire
sell, sold, trade
income, salary, wage, earn, earnings, make, paycheck, pay
payday, paycheck, paid, direct deposit
tax, taxes, irs, withholding
retirement, pension, retire, rollover
fraud, fraudulent, suspicious, unauthorized, scam, hacked, unfamiliar, recognize
steal, stolen, theft, robbed, thief
lose, lost, misplace, misplaced, missing, find, locate, where
damage, damaged, broken, broke, cracked, crushed, ruined, destroyed
decline, declined, rejected, refused, denied, fail, failed, not work
block, freeze, lock, suspend, stop, disable, deactivate, hold
unblock, unfreeze, unlock, release, reactivate, lift
new, replacement, replace, another, duplicate
limit, maximum, max, cap, ceiling, most
increase, raise, higher, up, bump, boost, extend, improve
decrease, reduce, lower, less, down, cut
improve, better, boost, increase, build, fix, grow
score, rating, points, grade
rewards, points, bonus, benefits, perks, miles, redeem
apply, application, sign up, enroll, register, join, request
pin, password, passcode, code, login
password, credentials, reset, forgot, forgotten, remember
cancel, call off, undo, abort, scrap, drop, stop, terminate, remove
change, modify, alter, switch, update, edit, adjust, different, swap
delete, remove, erase, clear, take off, cross off, get rid, eliminate, wipe, drop
add, include, put, insert, append, place
confirm, verify, check, make sure, ensure, certain, sure, still
book, reserve, reservation, booking, schedule, table, arrange
appointment, visit, slot, consultation, checkup, session
schedule, set up, arrange, plan, plan, organize, book
meeting, conference, meet
calendar, agenda, schedule, planner, events, plans, day
remind, reminder, reminders, remember, memo, forget
alarm, wake, wake up
timer, countdown, stopwatch, minutes
list, lists, items, item
todo, tasks, chores, to do
shop, shopping, grocery, groceries
time, clock, hour, o'clock
zone, timezone, time
date, day, today, month, year
holiday, holidays, festival, vacation
vacation, leave, pto, day off, days off, time off, absence, break
weather, forecast, rain, sunny, temperature, cold, hot, snow, umbrella, humid, outside
temperature, degrees, hot, cold, warm, heat, thermostat
travel, trip, journey, vacation, traveling, visit, going to, tour
fly, flight, plane, airline, airlines, airplane, flying
airport, gate, terminal, boarding
luggage, baggage, bag, bags, suitcase, carry
passport, visa, border, international, abroad, foreign, overseas
visa, permit, required, need
country, abroad, overseas, international, foreign
vaccine, vaccines, shot, shots, vaccination, immunization, immunized
hotel, motel, inn, lodging, stay, room, accommodation
car, vehicle, auto, automobile, truck, van, suv, ride
rent, rental, hire, lease, borrow
taxi, uber, lyft, cab, ride, driver
drive, driving, road, highway, directions, route
traffic, congestion, jam, busy, rush
distance, far, away, miles, how far, close
near, nearby, nearest, closest, around, close
where, location, located, address, place, find
location, where am, gps, coordinates
directions, route, way, get to, navigate
address, street, road, avenue, located
bus, train, subway, transit, shuttle
gas, fuel, petrol, gasoline, tank
tire, tires, tyre, wheel
oil, lubricant, fluid
maintenance, service, tune, inspection, checkup
battery, jump, start, dead, charge
mechanic, garage, repair, shop
fix, repair, mend, solve, troubleshoot
engine, motor, light, dashboard
mileage, mpg, per gallon, efficiency
insurance, coverage, covered, policy, insured, plan
claim, claims, file
benefits, health care, dental, coverage
doctor, physician, dr, specialist, nurse, clinic, hospital
sick, ill, unwell, disease, symptoms
medicine, medication, drug, pills, prescription, refill
pain, hurt, hurts, ache, aching, sore, painful
chest, heart, cardiac
breathe, breath, breathing, suffocating, choking
bleed, bleeding, blood
unconscious, fainted, faint, passed out, collapsed, unresponsive
emergency, urgent, ambulance, nine one
die, dying, kill, suicide
tooth, teeth, dentist, dental
eye, eyes, vision, glasses
food, eat, eating, meal, dish, dinner, lunch, breakfast
hungry, dinner, eat, takeout
restaurant, diner, cafe, bistro, eatery, place, eat
menu, dishes, options
recipe, cook, make, prepare, bake, instructions
ingredient, ingredients, contain, contains, go into, recipe, need
cook, bake, boil, grill, roast, fry, oven
calories, calorie, nutrition, nutritional, fat, carbs, sugar, healthy, protein, sodium
healthy, health, good for, nutritious, unhealthy
substitute, instead, replace, alternative, replacement, swap
expire, expiration, expires, last, good for, spoil, bad, long
how long, duration, take, minutes, hours, until, time
review, reviews, rating, ratings, stars, opinion, recommended
recommend, suggest, suggestion, recommendation, advice, advise, best, good, favorite
wait, waiting, queue, line, delay, long
package, parcel, shipment, order, delivery, mail
deliver, delivery, ship, shipping, arrive, shipped, get here
track, status, follow, progress, where
return, refund, money back, exchange, reimbursed, send back
open, opening, hours, close, closing, closed, business hours
late, early, until, till, close
weekend, saturday, sunday
music, song, songs, tune, track, artist, band, playlist, album
play, put on, listen, hear, start
next, skip, another, following, change
volume, loud, louder, quiet, quieter, sound, turn up, turn down
light, lights, lamp
home, house, smart, thermostat, devices
lights, lamp, turn off, turn on, on, off
speed, faster, slower, slow, fast, quickly, quick, slowly
accent, voice, male, female, sound
whisper, quiet, quietly, softly
language, speak, spanish, french, english, german, italian
translate, translation, say, how do, word for, in spanish, in french
spell, spelling, spelled, letters
define, definition, mean, meaning, means, what does
convert, conversion, exchange, how many, into, equal
exchange, currency, euros, yen, pesos, dollars, rate
measure, ounces, cups, inches, feet, pounds, kilograms, liters, gallons, grams
calculate, math, plus, minus, times, multiplied, divided, sum, add, square root
coin, flip, heads, tails, toss
dice, die, roll, sided, rolling
joke, funny, laugh, humor, jokes
fact, facts, interesting, trivia, tell me
story, tale, read
meaning, purpose, point, life
game, play, games
call, phone, dial, ring, telephone, reach, contact
number, phone, digits
phone, cell, mobile, cellphone, smartphone
text, message, sms, send
email, mail, inbox
person, human, real, live, agent, representative, operator, someone, somebody, people
robot, bot, machine, computer, ai, artificial, recording, automated, program
who, your name, name, called, identity
name, call, called, nickname, title
made, make, created, creator, built, designed, invented, programmed, develop, developer, manufacturer, maker
work, employ, employer, boss, serve, company, job
boss, master, employer, owner, work for
old, age, birthday, born, years
from, origin, born, come from, where
hobby, hobbies, fun, free time, like to do, interests
pet, pets, dog, cat, animals
do for, help, can you, capable, able, abilities, ask, features, assist
help, assist, assistance, support, aid
hello, hi, hey, greetings, good morning, good afternoon, good evening
goodbye, bye, later, see you, farewell, ciao
thank, thanks, appreciate, grateful
yes, yeah, sure, correct, right, true, affirmative, absolutely, okay, yep
no, nope, not, negative, false, wrong, incorrect
maybe, perhaps, possibly, unsure, not sure, might
repeat, again, say that, one more, come again, restate, said
how are, how is, doing, feeling, going
sync, connect, pair, link, bluetooth, device
factory, reset, restore, settings, default
wifi, internet, network, online, router
settings, preferences, configure, options
user, profile, account, name
stop, quit, end, cease, halt, enough, no more, do not
calling, calls, bother, bothering, contact, harassing, telemarketing
list, database, records, registry
unsubscribe, opt out, take off, remove, do not call
schedule, appointments, calendar, booked
job, work, position, career, employment, hiring
interview, hired, hire, hr
training, course, train, lessons, learn, class, onboarding
manager, supervisor, boss, superior, management
complain, complaint, unhappy, dissatisfied, angry, upset
problem, issue, trouble, wrong, error, fault
speak, talk, chat, connected, transfer
explain, tell, describe, inform, let me know, information, details, info
know, understand, find out, learn, figure out, look up, see, check
want, need, would like, wish, looking, have to, must
show, display, see, view, give, list, read
why, reason, how come, explain, cause
when, what time, what day, how soon, date
many, number of, count, how many, amount, total
allowed, permitted, can i, okay to, may
accept, take, honor, allow
month, monthly, months
week, weekly, weeks
year, yearly, annual, annually
history, past, previous, recent, last, latest
start, begin, turn on, activate, enable, launch, initiate
finish, end, complete, done, over
big, large, size, huge
first, initial, minimum, smallest, least
routing, aba, bank number
check, checks, checkbook, cheque
pharmacy, drugstore, pharmacist
parking, park, lot, garage
wheelchair, accessible, accessibility, ramp, elevator, disabled
kids, children, child, son, daughter, baby
wife, husband, spouse, partner
mother, father, mom, dad, parents
`;

const ENDINGS = /(?:ings?|edly|ed|ers?|ies|es|s|ly|e)$/;

/** A rough stem: enough that "cancelled", "canceling" and "cancel" meet. */
export function stem(word: string): string {
  if (word.length < 4) return word;
  const cut = word.replace(ENDINGS, "");
  const kept = cut.length < 3 ? word : cut;
  return /([b-df-hj-np-tv-z])\1$/.test(kept) ? kept.slice(0, -1) : kept.replace(/y$/, "i");
}

const GROUPS_OF: ReadonlyMap<string, readonly number[]> = grouped();

function grouped(): Map<string, number[]> {
  const groupsOf = new Map<string, number[]>();
  for (const [group, line] of GROUPS.trim().split("\n").entries()) {
    for (const entry of line.split(",")) {
      const key = entry.trim().split(" ").map(stem).join(" "), list = groupsOf.get(key) ?? [];
      if (!list.includes(group)) groupsOf.set(key, [...list, group]);
    }
  }
  return groupsOf;
}

/** The groups that the words and neighbouring pairs of words fall into, one entry for each time. */
export function concepts(words: readonly string[]): number[] {
  const stems = words.map(stem);
  return stems.flatMap((word, at) => [
    ...(GROUPS_OF.get(word) ?? []),
    ...(GROUPS_OF.get(`${word} ${stems[at + 1]}`) ?? []),
  ]);
}
