"""The publishing calendar 推文规划: issues of three slots, approved by people, fired by schedule, held to a cadence."""
