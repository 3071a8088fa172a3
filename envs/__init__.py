from envs.registration import register

register()
