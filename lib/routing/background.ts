/**
 * What callers say when they mean none of the routes: the shipped examples of "none". All sentences are our own, none is
 * taken from a data set. Tasks are spoken in several frames, so that a frame ("how do I ...", "I want to ...") tells
 * nothing about a route and only what is asked for does. Pure.
 */

/** Things people want done, spoken in the frames of `TASK_FRAMES`. */
const TASKS = `
book a table for four people; cancel my appointment on tuesday; reschedule my visit; reset my password; unlock my account
change my address; update my phone number; add my wife to the account; close my account; open a savings account
check my balance; transfer money to my brother; pay my electricity bill; dispute a charge; report a stolen card
order a new card; raise my credit limit; freeze my card; get a copy of my statement; apply for a mortgage
refinance my house; lower my interest rate; cash a check; send a wire overseas; find the nearest cash machine
rent a car for the weekend; return the rental early; book a flight to denver; change my seat; add a checked bag
upgrade to first class; find a hotel near the beach; check in online; track my suitcase; get a visa
renew my passport; get travel insurance; catch the train to boston; hire a taxi to the airport; plan a road trip
change the oil in my truck; replace a flat tire; jump start the battery; fix the brakes; get a smog check
renew my license plate; pay a parking ticket; sell my old car; tow my van; find a mechanic
cook rice; bake a chocolate cake; make an omelet; roast a chicken; grill a steak
substitute butter with oil; thaw the turkey; boil eggs; make soup without salt; store fresh herbs
order a large pizza; add milk to the shopping list; remove bread from my list; buy groceries; find a vegan restaurant
reserve a private room; split the check; return a pair of shoes; exchange a jacket; track my package
cancel my order; get my money back; use a coupon; buy a gift card; find my receipt
speak with a manager; talk to a person; leave a message for the doctor; speak to accounting; be connected to sales
file a complaint; leave a review; ask about my invoice; get a quote for a new roof; schedule a repair
fix a leaking faucet; unclog the drain; install a dishwasher; paint the fence; mow the lawn
move a piano; rent a storage unit; get rid of an old couch; trap a mouse; kill the ants in my kitchen
refill a prescription; see a dermatologist; get a flu shot; have my teeth cleaned; get my blood test results
send my x rays to another clinic; find a therapist; quit smoking; lose ten pounds; sleep better
bring my son for a checkup; make an eye exam appointment; order contact lenses; renew my medication; get a doctor's note
change my insurance plan; file a claim; add dental coverage; find out my deductible; name a beneficiary
ask for a raise; take a week off; request vacation days; roll over my retirement plan; direct deposit my paycheck
submit my timesheet; set up a meeting; book a conference room; hire an assistant; write a resume
file my taxes; get my tax form; deduct my home office; get an extension; find an accountant
set an alarm for six; wake me up at seven; set a timer for ten minutes; remind me to call mom; delete all my reminders
play some jazz; skip this song; turn up the volume; turn down the music; find that song from the movie
turn off the lights; set the thermostat to seventy; lock the front door; start the vacuum; open the garage
call my sister; text my boss; send an email to sam; find my phone; charge my tablet
connect to the wifi; reboot the router; install the app; sync my watch; update the software
learn spanish; translate hello into french; spell a long word; define a word; convert miles to kilometers
flip a coin; roll two dice; tell me a joke; tell a bedtime story; sing a song
change your name; change your voice; speak another language; talk faster; slow down
adopt a puppy; groom my dog; train my cat; feed the fish; find a vet
enroll my daughter; sign up for swimming lessons; join the gym; freeze my membership; get a library card
buy concert tickets; watch the game; find a good book; rent a movie; cancel my subscription
vote by mail; get a marriage license; register a trademark; start a business; get a building permit
hear the menu again; repeat that; start over; go back; hold for a minute; think about it; call back later; try again tomorrow
confirm my reservation; check the status of my application; find out who called me; verify my identity; give you my number
activate my phone; keep my old number; block a number; get a cheaper data plan; unlock my sim
swap shifts with a coworker; get reimbursed for travel; find the employee handbook; join the pension scheme; renew my contract
plant tomatoes; prune the roses; water the plants; build a deck; hang a picture
`;

/** Frames of `TASKS`; `*` stands for the task. */
const TASK_FRAMES = `
how do i *; can you help me *; i want to *; i would like to *; i need to *; could you * for me; is it possible to *; what do i need to *
when can i *; i am trying to *; where can i go to *; why can i not *; how long does it take to *; please *; i am calling to *; do i have to *
will you *; what is the best way to *; i forgot to *; did you already *; who can *; may i *; let me *; i tried to * and it did not work
`;

/** Things people ask about, spoken in the frames of `TOPIC_FRAMES`. */
const TOPICS = `
my last order; the weather tomorrow; my credit score; the exchange rate; my monthly payment; the delivery date; my reservation number; the meeting on monday
the balance on my card; my routing number; the minimum payment; my spending this month; the pin for my card; the transfer from last week; my gas bill; the refund
the flight to chicago; my gate number; the baggage rules; the time difference with tokyo; the traffic on the highway; the bus schedule; my loyalty points; the plug type in italy
the tire pressure; my mileage; the warning light; the fuel level; the warranty; the insurance card; my driver's license; the accident report
the recipe for lasagna; the calories in a banana; the cooking time for salmon; the ingredients in this dish; the best pizza in town; the wine list; the dinner reservation; the vegan options
my blood pressure; the test results; my prescription; the doctor's name; the side effects; the vaccine; my vision; my tooth
the weekend forecast; today's date; the time in london; the next holiday; my calendar for friday; my list of things to do; my reminders; my alarm
the score of the game; the name of this song; the movie tonight; the capital of peru; the tallest mountain; the meaning of life; the news; the stock market
my boss; my daughter's school; the teacher; my neighbor; the wedding; the birthday party; the moving truck; the landlord
the wifi password; the printer; my laptop; the new phone; the software update; the error message; the charger; the internet
the job application; my salary; my vacation days; the payday; the pension; the work schedule; the training; my tax form
the invoice from march; the contract; the shipping label; the return policy; the discount code; the color choices; the size chart; the spare part
the history of rome; the speed of light; the population of india; the water level; the moon; the best laptop this year; the distance to mars; the cause of the war
`;

/** Frames of `TOPICS`; `*` stands for the topic. */
const TOPIC_FRAMES = `
what is *; i have a question about *; tell me about *; what about *; can you check *; where is *; what happened to *; who told you about *
is there a problem with *; i do not understand *; give me *; i am looking for *; do you know *; there is something wrong with *; i am worried about *; when will i get *
how is *; why is it about *; remind me of *; thanks for *; i lost *; are you sure about *; i want to change *; show me *
`;

/** Whole utterances: answers, small talk, remarks, fragments, half sentences and what a recogniser makes of noise. */
const REMARKS = `
yes; no; yeah; nope; yep; sure; okay; all right; maybe; i think so; i guess; not really; of course; absolutely; correct; that is right; that is wrong; right; fine; exactly; probably not
hello; hi there; good morning; good evening; hey; how are you; how is it going; nice to meet you; is anybody there; can you hear me; hello hello; are you still there
thank you; thanks a lot; i appreciate it; you are welcome; great; perfect; awesome; wonderful; good job; that was helpful; goodbye; bye; see you later; talk to you soon; have a nice day; take care
hmm; let me see; let me think; one second; hold on; just a moment; give me a minute; wait; wait a minute; i am back; i was not finished; let me finish; sorry; excuse me; pardon; what; what did you say; say that again; i did not hear you; speak up please; the line is bad; you are breaking up
my name is john; my name is maria lopez; this is robert; it is spelled with a k; my number is five five five zero one two three; my email is at gmail dot com; i was born in nineteen eighty; the zip code is nine zero two one zero; it ends in four two; room twelve; the second one; the first one please; both of them; none of those; neither; all of them; the blue one; the cheaper one; the larger one
tomorrow at nine; next week; friday afternoon; any time after lunch; in the morning; at half past three; on the fifteenth; not on mondays; as soon as possible; last night; two weeks ago; since yesterday; for about a month; in december
two adults and a child; a party of six; just me; my husband and i; for my mother; it is for a friend; my son is seven; i live in portland; i am at work; i am driving right now; i am on the train; i am in a hurry; i have time
i do not know; i am not sure; i have no idea; it depends; whatever you think; that does not matter; never mind; forget it; i changed my mind; not today; maybe later; let me call you back; i will think about it; that is all; nothing else; that is everything; no more questions
that sounds good; sounds great; i like it; i do not like that; that is too late; that is too early; that will work; that works for me; i cannot make it; i am busy then; can we do it another day; do you have anything sooner
it does not work; it is broken; it keeps beeping; it makes a strange noise; it is leaking; it will not turn on; the screen is black; i already tried that; i did that twice; nothing happens; it worked yesterday; the light is blinking
i am happy; i am so tired; i am bored; i am a little upset; this is ridiculous; i am very disappointed; you are not listening; you do not understand me; you are funny; you are very smart; i like your voice; that was rude; i have been waiting for an hour; somebody promised me a call; i was on hold forever
the kids are screaming; the dog is barking; somebody is at the door; i have another call; my battery is low; i am putting you on speaker; i am walking into the elevator; there is a lot of noise here
i spoke with your colleague yesterday; somebody called me from this number; i got a letter from you; i received an email; i saw your ad; a friend recommended you; i am returning a call; i am a new customer; i am an existing customer; i have been a customer for ten years; i was there last week
what is the meaning of life; do you have any hobbies; where do you live; how old are you; do you like dogs; who is your boss; what can i ask you; what else can you do; can you do math; what is two plus two; sing me something; do you dream; are you happy; do you believe in ghosts
why is the sky blue; how tall is the eiffel tower; who won the election; how far is the moon; who wrote hamlet; how do airplanes fly; when was the first world war; why do cats purr; what is the fastest animal; how many ounces in a pound; what does that word mean; how do you say good night in german
it is raining here; it is getting cold; we are going on holiday; my car is in the shop; i just moved here; we have a new baby; it is my birthday; my father passed away; i am getting married; i lost my job; i am retired; i go to school; i work nights
the price of success is high; time will tell; better safe than sorry; you get what you pay for; that costs me a lot of nerves; it is worth the wait; money does not matter; it is only a matter of time; stop the music; stop the timer; do not stop; i cannot stop laughing; i could not breathe for laughing; open the window; the door is open; it is closed; i am close by; we are almost there
how much longer; how much time do i have; how much sugar goes in; how much does it weigh; how many people are coming; how often should i do it; how big is it; how deep is the water; how fast can it go; how late is it; how early can i come; how heavy is the box; what time did i call; what time is my appointment; where did i leave my keys; where is my order; where were you; who is calling; who was that; who is the president; who is next; who am i speaking about; when did that happen; when is my birthday; why not; why me; which one is better; which way is north
i am open to ideas; he is very open about it; open your mouth; open the file; can you open the gate; my store was open; it opened last year; the case is still open; keep it open; the bottle will not open; open it please
close the window; we are close to a deal; it was a close game; close the account; my shop closes at night; i closed it already
who are these people; who are we waiting for; who is he; who is it for; who was she; who are you looking for; who are your customers; who sent you; i do not know who that is
this is my real address; this is real gold; a real problem; my robot vacuum is stuck; i build robots; a machine at work broke; i talk to my mother every day; i was talking to my friend
the price of fame; at any price; he paid a high price; how much do i weigh; how much does the dog eat; how much do you love me; how much rain did we get; how much do i owe you; that cost us the game; it cost me my job; charge my phone; he is in charge
it is a pain; what a pain; a pain in the neck; my heart belongs to you; i love you with all my heart; a stroke of luck; take a deep breath; you take my breath away
stop that; stop it; please stop; stop talking; stop for a second; stop at the store; the bus stop; call me later; call me tomorrow; call me at home; call my wife; do not call him; you can call me on my cell; i will call again; i have your number; write down my number; that is my old number; it is on the list; read me the list; put it on the list; what is on the list; take me there; take me home; remove the first one; remove my jacket
my new address is; my address changed; the address on my card is wrong; i live on the second floor; where am i; where is my bag; where are they; where is she; where do i sign; where did you hear that; i do not know where it is; how do i get out of this; how do i get started; how do i get it back
at what time did she call; what time should i come; on saturday morning; on friday at ten; saturday is good; this weekend is fine; when are you coming; when are you done; when are you free; when is it over
if you can; because of that; and then; but first; so what now; well anyway; you know what i mean; as i said; in any case; for example; by the way; on the other hand; i mean; kind of; more or less; or something; and so on; at least; for now; the thing is
`;

function listed(block: string): string[] {
  return block.split(/[;\n]/).map((line) => line.trim()).filter((line) => line !== "");
}

/** Each of `things` in `times` of the `frames`, in an order that lets every frame meet every kind of thing. */
function framed(things: readonly string[], frames: readonly string[], times: number): string[] {
  return things.flatMap((thing, at) =>
    Array.from({ length: times }, (_, n) => frames[(at * 5 + n * 7) % frames.length]!.replace("*", thing))
  );
}

/** All background utterances, each once, lower case without punctuation, as a recogniser would write them. */
export function backgroundUtterances(): readonly string[] {
  return [
    ...new Set([
      ...listed(REMARKS),
      ...listed(TASKS),
      ...framed(listed(TASKS), listed(TASK_FRAMES), 3),
      ...framed(listed(TOPICS), listed(TOPIC_FRAMES), 3),
    ]),
  ];
}
