"""The web: fetches what is behind links that users send, from public addresses only.

    fetcher.py          Fetcher: a link in, a file out, or a refusal in words; and of a web page its picture
    download.py         one link through its redirects to its body, within its limits
    links.py            a link as browsers read it, and where a redirect leads
    hosts.py            host names as browsers read them
    gate.py             where a link may lead: as it is written, and by the addresses of its name
    names.py            names to addresses, before a deadline
    connections.py      connections to judged addresses, with counted bytes and a deadline
    heads.py            the head of a server's answer, read as browsers do
    answers.py          what an answer says before its body
    cookies.py          the cookies of one link, each for its own host
    host_slots.py       how many requests one host may have in flight at once
    visit.py            from a page to a picture: those that it names, in turn, and where it leads by itself
    previews.py         what a web page names as its pictures
    refreshes.py        where a page leads by itself, and how soon
    tags.py             the tags of a page, in linear time
    encodings.py        a page as text, in the encoding that browsers read it in
    delayed_answers.py  answers that wait in the store until they may be given

No other room connects to hosts that users choose.
"""
