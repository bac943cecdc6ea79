"""Where points go (积分消耗): the mall, the deduction at checkout, the lottery, offers, the exchange with partners."""
